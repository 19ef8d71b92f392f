"""What keeps the recorder from recording."""

from __future__ import annotations


class RecorderUnavailable(Exception):  # noqa: N818 - a fact, not a fault
    """A ring cannot be had; the text says which, and what would help."""


class IncidentUnreadable(Exception):  # noqa: N818
    """A folder is no incident, or a damaged one; the text names what is missing."""
