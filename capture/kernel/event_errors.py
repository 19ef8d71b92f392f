"""Why kernel events cannot be had."""

from __future__ import annotations


class EventsUnavailable(Exception):  # noqa: N818 - a fact, not a fault
    """No tracefs, no permission, or a kernel without any of the events; the text says which, and what would help."""
