"""An application's log, read for error lines by playbooks.symptoms."""

from __future__ import annotations

from playbooks.facts.model import Absence, SymptomLog


def collect_log(path: str | None, since: float | None) -> SymptomLog | Absence:
    """Error lines by symptom and peer; not given without --set log."""
    return (
        Absence("not_given", "no log was named: --set log=FILE reads one")
        if path is None
        else Absence("unreadable", "x")
    )
