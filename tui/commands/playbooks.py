"""`tcptriage playbooks`: the list."""

from __future__ import annotations

import sys

from tui.arguments import complain, playbooks_parser


def run(arguments: list[str]) -> int:
    """Write the list; returns the exit status."""
    chosen = playbooks_parser().parse_args(arguments)
    from capture.safe_text import printable
    from playbooks.loader import load_library

    library = load_library()
    if chosen.format == "json":
        import msgspec

        books = [{"name": b.name, "title": b.title, "settings": list(b.settings)} for b in library.playbooks.values()]
        sys.stdout.write(msgspec.json.encode({"schema": "tcptriage.playbooks/1", "playbooks": books}).decode() + "\n")
    else:
        width = max((len(name) for name in library.playbooks), default=0)
        for book in library.playbooks.values():
            sys.stdout.write(f"{book.name:<{width}}  {printable(book.title)}\n")
    for problem in library.problems:
        complain(f"tcptriage playbooks: {problem}")
    return 0
