"""What can go wrong below a look at live connections."""

from __future__ import annotations


class SourceUnavailable(Exception):  # noqa: N818  (named for the fact, as the whole program's are)
    """A source of sockets cannot be used, or stopped working. str() is one line: which source, and why."""


class RecordingUnreadable(Exception):  # noqa: N818
    """A file of recorded looks cannot be read. str() is one line: what, where, why, what to do."""
