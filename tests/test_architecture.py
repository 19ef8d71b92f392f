"""docs/architecture.md: its picture is of the imports as they are, and its files are there."""

from __future__ import annotations

import re
from pathlib import Path

from docs.make_architecture import PICTURE, imports, reduced

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text()


def test_the_picture_is_of_the_imports() -> None:
    drawn = set(re.findall(r'data-edge="(\S+) (\S+)"', PICTURE.read_text()))
    now = {(box, other) for box, others in reduced(imports()).items() for other in others}
    assert drawn == now, "draw it again: python -m docs.make_architecture"


def test_each_file_of_the_map_is_there() -> None:
    folders = (
        "",
        "capture",
        "capture/engine",
        "capture/wire/files",
        "capture/verdicts",
        "capture/verdicts/events",
        "capture/verdicts/rules",
        "capture/verdicts/words",
        "capture/verdicts/groups",
        "capture/sockets",
        "capture/sockets/sources",
        "capture/sockets/findings",
        "playbooks/symptoms",
        "tui/work",
    )
    named = {name for name in re.findall(r"`([\w/]+\.(?:py|c|h|toml))`", TEXT) if name != "NAME.zh.toml"}
    missing = [
        name
        for name in named - {"playbooks/library/NAME.toml"}
        if not any((ROOT / folder / name).is_file() for folder in folders)
    ]
    assert named
    assert missing == []


def test_nothing_that_is_added_touches_more_than_three_files() -> None:
    lists = re.split(r"^\*\*", TEXT.split("## Adding")[1], flags=re.MULTILINE)[1:]
    assert [each.split("*")[0] for each in lists] == ["A cause", "A finding", "A playbook", "A symptom", "A link type"]
    assert all(1 <= len(re.findall(r"^- ", each, re.MULTILINE)) <= 3 for each in lists)
