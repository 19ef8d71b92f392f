"""What a reader should know of open captures, as rows behind their findings: what was lost, what an incident is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Finding, Severity
from capture.safe_text import printable
from tui.rows.finding_rows import NOTHING, Found
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage

MOST = 200
"""Rows; a capture of garbage has as many notices as records."""


def notices_of(triages: Sequence[Triage]) -> list[Found]:
    """Incidents with what triggered them, then each capture's notices in order."""
    found = [
        _noted(
            ("incident", triage.index, n),
            tr(
                "Incident of {host}: {trigger}",
                host=printable(one.manifest.host, 40),
                trigger=one.manifest.trigger.text,
            ),
            tr("The palette (:) has its looks and its log."),
        )
        for triage in triages
        for n, one in enumerate(triage.incidents)
    ]
    for triage in triages:
        for n, notice in enumerate(triage.decoded.notices[: MOST - len(found)]):
            where = "" if notice.packet is None else tr("packet {n}: ", n=notice.packet)
            found.append(_noted((notice.code, triage.index, n), where + notice.text, ""))
    return found


def nothing_wrong(words: str) -> Found:
    """The row that says so, over the notices."""
    return _noted((NOTHING,), words, "")


def _noted(key: tuple[object, ...], title: str, more: str) -> Found:
    code = str(key[0])
    text = " ".join(filter(None, (title, more)))
    return Found(("notice", *key), Finding(code, Severity.INFO, title, text, 0, (), None), notice=True)
