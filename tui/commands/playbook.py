"""`tcptriage playbook NAME`: the dashboard, open at a playbook."""

from __future__ import annotations

from tui.arguments.parser import complain
from tui.arguments.playbook_commands import playbook_parser


def run(arguments: list[str]) -> int:
    """Open it; returns the exit status."""
    chosen = playbook_parser().parse_args(arguments)
    from playbooks.loader import load
    from playbooks.playbook_errors import PlaybookError
    from tui.commands.dashboard import open_screen
    from tui.work.investigation import Request

    try:
        load(chosen.name)
    except PlaybookError as error:
        complain(f"tcptriage playbook: {error}")
        return 2
    return open_screen(Request(keep_case=True, playbook=chosen.name, settings=dict(chosen.settings)), chosen)
