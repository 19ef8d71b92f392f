"""Playbook files: what ships is whole, and a bad one is named with file, key and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

import playbooks
from playbooks.checks.registry import known_checks
from playbooks.facts.responses import CUT, UNANSWERED
from playbooks.fixing import fill
from playbooks.loader import FILLED, PLACEHOLDER, load, load_all, load_library, parse
from playbooks.model import SETTING_KEYS
from playbooks.playbook_errors import PlaybookError, UnknownPlaybook

PUBLISHED = [
    "broken-pipe",
    "connection-reset",
    "unexpected-eof",
    "close-wait",
    "fin-wait-2",
    "time-wait",
    "open-files",
    "accept-queue",
    "nginx-499",
    "nginx-upstream",
    "nginx-limits",
    "timeout-chain",
    "connection-refused",
    "keepalive-race",
    "silent-drop",
    "middlebox-reset",
    "syn-flood",
    "slow-reader",
    "load-test",
    "address-in-use",
    "server-full",
    "graceful-restart",
    "mtu",
    "proxy-upstream",
]
LIBRARY = Path(playbooks.__file__).parent / "library"
NAMES = sorted(path.stem for path in LIBRARY.glob("*.toml") if not path.stem.endswith(".zh"))

SETTINGS = {
    "close-wait": "pid port",
    "fin-wait-2": "host port",
    "time-wait": "host port",
    "silent-drop": "host port",
    "connection-refused": "host port",
    "middlebox-reset": "host port",
    "open-files": "pid",
    "accept-queue": "port",
    "syn-flood": "port",
    "slow-reader": "port",
    "nginx-limits": "config log",
    "nginx-upstream": "config log",
    "keepalive-race": "config log",
    "nginx-499": "config log",
    "timeout-chain": "config log url",
    "load-test": "url",
    "broken-pipe": "log pid port",
    "connection-reset": "log pid port",
    "unexpected-eof": "log pid port",
}

GOOD = """
name = "mine"
title = "t"
summary = "s"
[[steps]]
id = "a"
title = "t"
question = "q"
"""


def test_every_published_playbook_ships() -> None:
    found = load_all(Path("/nonexistent"))
    assert set(found) >= {*NAMES, *PUBLISHED}
    for name, keys in SETTINGS.items():
        more = {"url"} if name in ("nginx-upstream", "keepalive-race") else set()
        assert set(found[name].settings) - more == set(keys.split()), name


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole(name: str) -> None:
    book = load_all(Path("/nonexistent"))[name]
    ids = {step.id for step in book.steps}
    fixes = {fix.id for fix in book.fixes}
    assert book.summary
    assert book.folklore
    assert any(step.check and step.check != "capture-causes" for step in book.steps)
    assert set(book.settings) <= set(SETTING_KEYS)
    assert all(other in NAMES for other in book.see_also)
    assert len(fixes) == len(book.fixes)
    for step in book.steps:
        assert step.command, step.id
        assert step.passed, step.id
        assert all(goal in ids or goal in NAMES for goal in step.next.values()), step.id
        wanted = step.given.get("fixes", [])
        flat = [one for many in wanted.values() for one in many] if isinstance(wanted, dict) else wanted
        topics = {f"topic:{topic}" for topic in book.cures}
        assert set(flat) <= fixes | topics, step.id
    for template in book.fixes:
        fix = fill(template, {})
        for key in FILLED:
            assert getattr(fix, key), (template.id, key)
            assert not PLACEHOLDER.search(getattr(fix, key)), (template.id, key)


def test_causes_are_the_verdicts_own() -> None:
    import tomllib
    from importlib import resources

    text = resources.files("capture.verdicts").joinpath("causes.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    known = set(data) | {cause for part in data.values() if isinstance(part, dict) for cause in part}
    known |= {CUT, UNANSWERED}
    for book in load_all(Path("/nonexistent")).values():
        for step in book.steps:
            if step.check in ("capture-causes", "traffic-causes"):
                assert set(step.given["causes"]) <= known, set(step.given["causes"]) - known


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('title = "t"\nsummary', "title = 3\nsummary"), "mine.toml: title: Expected `str`, got `int`"),
        (('summary = "s"', ""), "mine.toml: summary: expected, but missing"),
        (('question = "q"', 'question = "q"\nanswer = 1'), "steps[0].answer: not a key here"),
        (('question = "q"', 'question = "q"\ncheck = "close-wait-pil"'), "steps[0].check: expected a built-in check"),
        (
            ('question = "q"', 'question = "q"\ncheck = "close-wait-pile"\nwith = {no = 1}'),
            "steps[0].with.no: not an argument",
        ),
        (('question = "q"', 'question = "q"\nnext = {maybe = "a"}'), "steps[0].next"),
        (('question = "q"', 'question = "q"\nnext = {fail = "NO SUCH"}'), "steps[0].next.fail: expected"),
        (('summary = "s"', 'summary = "s"\nsettings = ["speed"]'), "settings[0]: expected one of pid"),
        (('name = "mine"', 'name = "other"'), "name: expected 'mine'"),
        (('name = "mine"', "name = "), "not TOML"),
    ],
)
def test_a_bad_file_is_named_with_key_and_expectation(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace(*change))
    library = load_library(tmp_path)
    assert len(library.playbooks) == len(NAMES)
    assert said in str(library.problems[0])
    assert str(tmp_path / "mine.toml") in str(library.problems[0])
    assert "\n" not in str(library.problems[0])
    with pytest.raises(PlaybookError, match=r"mine\.toml"):
        load("mine", tmp_path)


def test_files_that_are_no_playbooks(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.toml").write_bytes(b"#" * 1_100_000)
    (tmp_path / "folder.toml").mkdir()
    assert len(load_library(tmp_path).problems) == 3


def test_a_users_playbook_takes_checks_and_borrows_fixes(tmp_path: Path) -> None:
    text = GOOD.replace('summary = "s"', 'summary = "s"\nborrowed = ["close-wait/close-in-go"]')
    (tmp_path / "mine.toml").write_text(text.replace('question = "q"', 'question = "q"\ncheck = "close-wait-pile"'))
    book = load("mine", tmp_path)
    assert [fix.id for fix in book.fixes] == ["close-in-go"]
    assert book.origin == str(tmp_path / "mine.toml")


def test_only_a_users_playbook_may_run_commands() -> None:
    text = GOOD.replace('question = "q"', 'question = "q"\nrun = "true"')
    assert parse(text, "mine.toml", own=True).steps[0].run == "true"
    with pytest.raises(PlaybookError, match="only a user's own"):
        parse(text, "mine.toml")


def test_unknown_names_offer_close_ones() -> None:
    with pytest.raises(UnknownPlaybook, match="close-wait"):
        load("closewait", Path("/nonexistent"))
    with pytest.raises(UnknownPlaybook):
        load("../../etc/passwd", Path("/nonexistent"))


def test_every_check_is_used_by_a_playbook() -> None:
    used = {step.check for book in load_all(Path("/nonexistent")).values() for step in book.steps}
    assert set(known_checks()) <= used
