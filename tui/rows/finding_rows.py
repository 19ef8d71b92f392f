"""Findings as rows, most severe first, and as the words and settings that lead on from one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.settled_order import settled
from tui.text.column_layout import Column
from tui.text.language import count, tr
from tui.text.quantities import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.model import Finding
    from capture.sockets.finding_lives import Life
    from capture.sockets.snapshot import Snapshot

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("severity", "", 8, rank=1),
    Column("title", "", 40, most=400, rank=0, whose=True),
)

MARKS = {"critical": ("!!", "bad"), "warning": ("! ", "warn"), "info": ("· ", "dim")}
BAR = {"critical": "█", "warning": "▒", "info": "░"}
ASCII_BAR = {"critical": "#", "warning": "+", "info": "."}
BAR_CELLS = 12
NOTHING = "nothing"
"""The code of the row that says that nothing is wrong, where other rows follow it."""
NEW_S = 60.0
"""A finding is news for so long."""
STEP_S = 5.0
"""In such steps it ages, once it is older than two of them."""
PAST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A finding where it is listed. `key` names it from one look to the next; `capture` is the path it speaks of.

    `life` is that of a live one; `new_s` how long ago it came, where it came while somebody looked and is still news.
    """

    key: Hashable
    finding: Finding
    life: Life | None = None
    new_s: float | None = None
    capture: str | None = None
    notice: bool = False  # nothing that is wrong: what a reader should know of a capture

    @property
    def over(self) -> bool:
        """It was seen, and is not any more."""
        return self.life is not None and self.life.over

    @property
    def text(self) -> str:
        """What is behind it, in sentences; of a live one since when."""
        since = ""
        if self.new_s is not None and self.life is not None:
            since = tr("New {seconds} s ago, at {at}. ", seconds=f"{self.new_s:.0f}", at=clock(self.life.first_seen))
        elif self.life is not None:
            times = {"first": clock(self.life.first_seen), "last": clock(self.life.last_seen)}
            since = tr("Seen {first}-{last}. ", **times) if self.life.over else ""
        return since + printable(self.finding.text)


def most_severe_first(findings: Sequence[Finding]) -> list[Finding]:
    """In the order in which they should be read."""
    return sorted(findings, key=lambda f: (f.severity.rank, -f.connections, f.code))


def found_live(snapshot: Snapshot, since: float, before: Mapping[Hashable, int] | None = None) -> list[Found]:
    """The findings of a look, those that are over last. `since`: the first look's time; what it showed is no news.

    `before`: key → place where it was listed last; of one severity they keep their order while numbers sway.
    """
    from capture.sockets.finding_lives import identity

    lives = {life.key: life for life in snapshot.lives if not life.over}
    listed = []
    for one in most_severe_first(snapshot.findings):
        life = lives.get(identity(one))
        age = snapshot.time - life.first_seen if life is not None and life.first_seen > since else None
        listed.append(Found(finding_key(one), one, life, age if age is not None and age < NEW_S else None))
    past = [life for life in snapshot.lives if life.over][:PAST_SHOWN]
    listed = [
        one
        for severity in MARKS
        for one in settled(
            [found for found in listed if found.finding.severity.value == severity],
            before or {},
            lambda found: found.key,
            lambda found: found.finding.connections,
        )
    ]
    return [*listed, *(Found(("over", life.key), life.finding, life) for life in past)]


def finding_cells(found: Found) -> tuple[tuple[str, str], ...]:
    """In the order of COLUMNS. One that is new says so in place of its severity, which its mark tells."""
    if found.over and found.life is not None:
        return _past_cells(found.life)
    severity = found.finding.severity.value
    sign, tone = MARKS[severity]
    if found.notice:
        word = ("", "") if found.finding.code == NOTHING else (tr("notice"), "dim")
        return ((sign if word[0] else "", tone), word, (printable(found.finding.title), "" if word[0] else "dim"))
    news = None if found.new_s is None else found.new_s if found.new_s < STEP_S * 2 else found.new_s // STEP_S * STEP_S
    word = (tr(severity), tone) if news is None else (tr("new {seconds}s", seconds=f"{news:.0f}"), "strong")
    return ((sign, tone), word, (printable(found.finding.title), ""))


def _past_cells(life: Life) -> tuple[tuple[str, str], ...]:
    """One that is over: from when to when it was seen, and what it was."""
    times = tr(" ({n} times)", n=life.times) if life.times > 1 else ""
    title = f"{clock(life.first_seen)}-{clock(life.last_seen)}{times} {printable(life.finding.title)}"
    return ((MARKS[life.worst.value][0], "dim"), (tr("over"), "dim"), (title, "dim"))


def severity_bar(found: Sequence[Found], ascii: bool) -> str:
    """How many of which severity: `██▒▒▒░ 2 critical, 3 warning, 1 info, 2 over`; empty where there is none."""
    wrong = [one for one in found if not one.over and not one.notice]
    counts = {name: sum(one.finding.severity.value == name for one in wrong) for name in MARKS}
    total = sum(counts.values())
    over = sum(one.over for one in found)
    notices = sum(one.notice and one.finding.code != NOTHING for one in found)
    signs = ASCII_BAR if ascii else BAR
    parts = [f"{number} {tr(name)}" for name, number in counts.items() if number]
    parts += [f"{over} {tr('over')}"] if over else []
    parts += [count(notices, "notice")] if notices else []
    bar = "".join(signs[name] * _share(number, total) for name, number in counts.items())
    return f"{bar} {', '.join(parts)}".strip()


def _share(number: int, total: int) -> int:
    """Cells of a part: one each, or its share of a full bar; what there is is seen."""
    return number if total <= BAR_CELLS else max(1, round(number / total * BAR_CELLS)) if number else 0


def finding_key(finding: Finding) -> tuple[str, str]:
    """What names a finding from one look to the next: numbers in its title may change."""
    named = "".join(
        f"{key}={finding.facts[key]};"
        for key in ("netns", "listener", "port", "pid", "host", "local", "peer")
        if key in finding.facts
    )
    return finding.code, named


def finding_markdown(finding: Finding) -> str:
    """A finding for a ticket."""
    lines = [f"**{tr(finding.severity.value)}** — {printable(finding.title)}", "", printable(finding.text)]
    if finding.playbook:
        lines += ["", tr("Next: {command}", command=f"`tcptriage playbook {finding.playbook}`")]
    return "\n".join(lines)


def settings_of(finding: Finding) -> dict[str, str]:
    """The facts of a finding that a playbook takes as settings."""
    return {key: str(finding.facts[key]) for key in ("pid", "port", "host") if finding.facts.get(key) is not None}


def settings_for(found: Found) -> dict[str, str]:
    """What a playbook gets: the capture that a finding speaks of, else the live facts."""
    return {"capture": found.capture} if found.capture is not None else settings_of(found.finding)
