"""Whose facts a conclusion rests on, and from when: host, network namespace, capture, log, first and last moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from capture.safe_text import printable
from playbooks.language import tr


class Scope(msgspec.Struct, frozen=True, rename={"begin": "from", "end": "to"}):
    """What was looked at. `host` None: not known whose it is; `netns` the inode of the network namespace; `begin` and
    `end` epoch seconds, None where the evidence has no time of day. All None: nothing was looked at."""

    host: str | None = None
    netns: str | None = None
    capture: str | None = None
    log: str | None = None
    begin: float | None = None
    end: float | None = None

    def __bool__(self) -> bool:
        """Whether anything is named that was looked at."""
        return self.host is not None or self.capture is not None or self.log is not None


NOTHING = Scope()


def together(scopes: Iterable[Scope]) -> Scope:
    """One scope around several: what they agree on, all files, the whole span of time."""
    found = [scope for scope in scopes if scope]
    hosts = {scope.host for scope in found}
    places = {scope.netns for scope in found if scope.netns is not None}
    starts = [scope.begin for scope in found if scope.begin is not None]
    ends = [scope.end for scope in found if scope.end is not None]
    return Scope(
        host=hosts.pop() if len(hosts) == 1 else None,
        netns=places.pop() if len(places) == 1 else None,
        capture=_joined(scope.capture for scope in found),
        log=_joined(scope.log for scope in found),
        begin=min(starts, default=None),
        end=max(ends, default=None),
    )


def _joined(names: Iterable[str | None]) -> str | None:
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def scope_document(scope: Scope) -> dict[str, Any]:
    """The contract's object: every key, null where it says nothing; moments as text, milliseconds kept."""
    return {
        "host": scope.host,
        "netns": scope.netns,
        "capture": scope.capture,
        "log": scope.log,
        "from": None if scope.begin is None else f"{scope.begin:.3f}",
        "to": None if scope.end is None else f"{scope.end:.3f}",
    }


def scope_text(scope: Scope) -> str:
    """For people: "web1, 2026-11-30 16:20:01 to 16:20:04 UTC". Empty where nothing was looked at."""
    if not scope:
        return ""
    place = f"{scope.host} (netns {scope.netns})" if scope.host and scope.netns else scope.host
    parts = [text for text in (scope.capture, scope.log, place) if text]
    if scope.begin is not None and scope.end is not None:
        first, last = (datetime.fromtimestamp(moment, UTC) for moment in (scope.begin, scope.end))
        until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
        parts.append(tr("{begin} to {end} UTC", begin=f"{first:%Y-%m-%d %H:%M:%S}", end=until))
    return printable(", ".join(parts), 400)
