"""The catalogue is whole: every code that the rules can name has its texts."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from capture.model import Severity
from capture.verdicts import catalogue

RULES = (
    "readdressed.py", "habits.py", "after_fin_rules.py", "opening_rules.py", "refused_handshake.py", "reset_rules.py",
    "silence_rules.py",
)  # fmt: skip


def literals() -> set[str]:
    text = "".join(files("capture.verdicts.rules").joinpath(name).read_text() for name in RULES)
    return set(re.findall(r'"([a-z][a-z_]+)"', text))


def test_every_code_in_the_rules_is_known() -> None:
    known = catalogue.causes().keys() | catalogue._sentences()["sentences"].keys()
    known |= catalogue._sentences()["evidence"].keys() | catalogue._variants().keys()
    assert literals() <= known


def test_variants_are_of_causes() -> None:
    assert {one.cause for one in catalogue._variants().values()} <= catalogue.causes().keys()
    assert catalogue._variants().keys() <= literals()


def test_no_text_is_left_over() -> None:
    used = literals() | {"heard"}  # that follows others
    assert catalogue._sentences()["sentences"].keys() <= used
    assert catalogue._sentences()["evidence"].keys() <= used


def test_causes_are_complete() -> None:
    playbooks = {
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
        "mtu",
    }
    for code, info in catalogue.causes().items():
        assert info.meaning, code
        assert info.severity in {*Severity, "none"}, code
        assert info.playbook is None or info.playbook in playbooks, code
        assert info.clean or info.decide_by, code


def test_every_problem_has_a_title() -> None:
    for code, info in catalogue.causes().items():
        if not info.clean or code == "simultaneous_open":
            for count in (1, 2):
                title = catalogue.finding_title(code, count).format(n=count, where="10.0.0.2:80", who="the server")
                assert "{" not in title


def test_well_known_silences() -> None:
    assert "nginx" in (catalogue.timeout_names(60.02) or "")
    assert "AWS NLB" in catalogue.timeout_hint(350.4)
    assert catalogue.timeout_hint(42.0) == ""


@pytest.mark.parametrize(("seconds", "idle", "waiting"), [
    (5.0, "keepAliveTimeout", None),  # no keep-alive time-out runs while an answer is owed
    (30.0, None, "client time-out"),  # and no client waits while nothing is asked
    (75.0, "keepalive_timeout", None),
    (350.0, "NLB", "NLB"),  # what lies on the way does not know what is asked
])  # fmt: skip
def test_a_time_out_explains_only_the_silence_in_which_it_runs(
    seconds: float, idle: str | None, waiting: str | None
) -> None:
    for named, owed in ((idle, False), (waiting, True)):
        names = catalogue.timeout_names(seconds, waiting=owed)
        assert names is None if named is None else named in (names or "")
    assert catalogue.timeout_names(seconds) is not None


@pytest.mark.parametrize(
    ("seconds", "silence", "explained"),
    [(5, 5.5, True), (5, 5.51, False), (5, 4.5, True), (5, 4.49, False), (100, 101.5, True), (100, 101.51, False)],
)
def test_a_known_timeout_explains_what_is_near(seconds: float, silence: float, explained: bool) -> None:
    assert catalogue.KnownTimeout(seconds, "x").explains(silence) is explained


@pytest.mark.parametrize(
    ("http", "silent", "here", "waiting", "concerned"),
    [
        (True, "both", False, None, False),
        (True, "both", True, None, True),
        (False, "idle", False, False, True),
        (False, "idle", False, True, False),
        (False, "waiting", True, True, True),
        (False, "waiting", True, False, False),
        (False, "waiting", True, None, True),
    ],
)
def test_whom_a_known_timeout_concerns(
    http: bool, silent: str, here: bool, waiting: bool | None, concerned: bool
) -> None:
    assert catalogue.KnownTimeout(5, "x", http, silent).concerns(http=here, waiting=waiting) is concerned


def test_limits_between_what_lived_and_what_died() -> None:
    def named(lived: float, died: float) -> bool:
        return any(text.startswith("60 s, ") for text in catalogue.timeouts_between(lived, died))

    assert named(30, 90)
    assert named(59.9, 59.5)  # it runs from the last packet's arrival there, not here
    assert not named(59.0, 59.4)
    assert not named(60, 90)
