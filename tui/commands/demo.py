"""`tcptriage demo`: the whole way, on recordings that ship with the program."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import resources

from tui.arguments.screen_commands import demo_parser


def run(arguments: list[str]) -> int:
    """Open the tour; returns the exit status."""
    chosen = demo_parser().parse_args(arguments)
    from tui.commands.dashboard import open_screen
    from tui.work.investigation import Request

    with ExitStack() as kept:
        folder = kept.enter_context(resources.as_file(resources.files("tui").joinpath("examples")))
        return open_screen(Request(demo=True, examples=str(folder)), chosen)
