"""A finding as an object of the published documents: captures, live sockets, comparisons and tables write the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capture.model import Finding


def finding_document(finding: Finding) -> dict[str, Any]:
    """One entry of `findings`, whatever the finding is of."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.title,
        "text": finding.text,
        "connections": finding.connections,
        "sample": list(finding.sample),
        "playbook": finding.playbook,
    }
