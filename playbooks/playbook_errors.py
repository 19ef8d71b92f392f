"""What can go wrong with a playbook before anything was looked at."""

from __future__ import annotations


class PlaybookError(Exception):
    """A playbook file cannot be used. str() is one line: the file, the key, what was expected there."""


class UnknownPlaybook(PlaybookError):  # noqa: N818 - a fact, not a fault
    """There is no playbook of that name. str() names those that come closest."""


class BadSetting(ValueError):  # noqa: N818 - a fact, not a fault
    """A --set key that the playbook does not take, or a value that cannot be one. str() is one line."""
