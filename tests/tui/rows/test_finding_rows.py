"""Findings as rows: which are new, which are over, how many of which severity."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from capture.model import Finding, Severity
from capture.sockets.finding_lives import Lives
from tui.rows.finding_rows import NEW_S, Found, finding_cells, found_live, severity_bar


def finding(code: str, severity: Severity = Severity.WARNING, **facts: object) -> Finding:
    return Finding(code, severity, f"title of {code}", f"text of {code}", 3, (), None, facts)


def look(lives: Lives, time: float, *findings: Finding) -> Any:
    return SimpleNamespace(time=time, findings=findings, lives=lives.take(findings, time))


def test_what_came_while_somebody_looked_is_new_for_a_while() -> None:
    lives, old, late = Lives(), finding("old"), finding("late", Severity.CRITICAL)
    first = look(lives, 100.0, old)
    assert [one.new_s for one in found_live(first, 100.0)] == [None]  # it may have been there for days
    look(lives, 101.0, old, late)
    found = found_live(look(lives, 113.0, old, late), 100.0)
    assert [(one.finding.code, one.new_s) for one in found] == [("late", 12.0), ("old", None)]
    assert finding_cells(found[0])[:2] == (("!!", "bad"), ("new 10s", "strong"))
    assert found[0].text.startswith("New 12 s ago, at ")
    found = found_live(look(lives, 101.0 + NEW_S, old, late), 100.0)
    assert [one.new_s for one in found] == [None, None]


def test_what_is_over_comes_last_and_says_when_it_was() -> None:
    lives, gone = Lives(), finding("gone", Severity.CRITICAL)
    look(lives, 100.0, gone)
    found = found_live(look(lives, 105.0, finding("here", Severity.INFO)), 100.0)
    assert [(one.finding.code, one.over) for one in found] == [("here", False), ("gone", True)]
    assert finding_cells(found[1])[1] == ("over", "dim")
    assert found[1].text.startswith("Seen ")


def test_the_bar_counts_each_severity_and_hides_none() -> None:
    few = [Found(n, finding("a", s)) for n, s in enumerate((Severity.CRITICAL, Severity.WARNING, Severity.WARNING))]
    assert severity_bar(few, ascii=False) == "█▒▒ 1 critical, 2 warning"
    assert severity_bar(few, ascii=True) == "#++ 1 critical, 2 warning"
    assert severity_bar([], ascii=False) == ""
    many = [Found(n, finding("a", Severity.INFO)) for n in range(400)]
    bar = severity_bar([*few[:1], *many], ascii=False)
    assert bar.startswith("█░")
    assert "1 critical, 400 info" in bar
    assert len(bar.split()[0]) < 20


def test_hostile_titles_are_made_visible() -> None:
    cells = finding_cells(Found(1, Finding("x", Severity.INFO, "a\x1b[2Jb", "t", 1, (), None)))
    assert "\x1b" not in cells[2][0]
