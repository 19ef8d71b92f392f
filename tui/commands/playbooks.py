"""`tcptriage playbooks`: the list; a new one of the user's own, and whether one is whole."""

from __future__ import annotations

import sys

from tui.arguments.parser import complain
from tui.arguments.playbook_commands import playbooks_parser
from tui.work.process_settings import load_msgspec_alone


def run(arguments: list[str]) -> int:
    """Write the list; returns the exit status."""
    chosen = playbooks_parser().parse_args(arguments)
    load_msgspec_alone()
    if chosen.new is not None:
        return _new(chosen.new)
    if chosen.lint is not None:
        return _lint(chosen.lint)
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


def _new(name: str) -> int:
    """Write a commented playbook; never over one that is there."""
    from importlib import resources

    from playbooks.loader import NAME, user_directory

    if not NAME.match(name):
        complain("tcptriage playbooks: --new takes lower-case letters, digits and hyphens")
        return 2
    path = user_directory() / f"{name}.toml"
    text = resources.files("playbooks").joinpath("new.toml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text.replace("NAME-OF-THIS-FILE", name))
    except OSError as error:
        complain(f"tcptriage playbooks: {path}: {error.strerror or error}")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0


def _lint(path: str) -> int:
    """All errors of one file."""
    from playbooks.linting import lint

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        complain(f"tcptriage playbooks: {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}")
        return 2
    problems = lint(text, path)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if not problems:
        sys.stdout.write(f"{path}: whole\n")
    return 1 if problems else 0
