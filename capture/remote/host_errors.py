"""Why a host tells nothing."""

from __future__ import annotations


class HostUnreachable(Exception):  # noqa: N818 - a fact, not a fault
    """A host that does not answer, or answers something else; the text says what, and what would help."""
