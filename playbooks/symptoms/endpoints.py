"""Which of a line's addresses is this side's, and which is the failed connection's peer."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from playbooks.symptoms.addresses import Mention, mentions_of
from playbooks.symptoms.long_patterns import asked, pattern

if TYPE_CHECKING:
    from playbooks.symptoms.explanation import End

Ends = tuple["End | None", "End | None"]
_ANY = ("0.0.0.0", "::")
"""What a listener is bound to: no peer has it."""


def _says(name: str, text: str) -> bool:
    """Whether a pattern of patterns.toml's `ends` is found."""
    return asked("ends", name).found(text)


def ends_of(low: str, symptom: str, side: str | None) -> Ends:
    """(local, remote) of the failed connection; None where the line does not tell.

    `side` says whose connection the rule took it for: client, upstream, local (a listener), or "none": no peer known.
    """
    mentions = mentions_of(low)
    if not mentions:
        return None, None
    pair = _pair(low, mentions)
    if pair:
        return pair
    peers = [m for m in mentions if not _says("not_a_peer", m.before)]
    if side == "local" or (symptom in ("address_in_use", "no_free_ports", "too_many_open_files") and _binds(low)):
        chosen = _first_with_port([m for m in peers if _says("local", m.before)] or peers)
        return (chosen.end if chosen else None), None
    local = next((m for m in peers if _is_local(m, low)), None)
    others = [m for m in peers if local is None or (m is not local and m.end != local.end)]
    remote = _remote(others, side)
    return (local.end if local else None), (_end_of(remote, mentions) if remote else None)


def _end_of(chosen: Mention, mentions: list[Mention]) -> End:
    """The end of a mention; with the port that another mention of the same address tells, where it has none."""
    if chosen.end.port is not None:
        return chosen.end
    return next((m.end for m in mentions if m.end.ip == chosen.end.ip and m.end.port is not None), chosen.end)


def _binds(low: str) -> bool:
    return (_says("binding", low) or "in use" in low) and not _says("outgoing", low)


def _pair(low: str, mentions: list[Mention]) -> Ends | None:
    """Two ends joined by an arrow: local first, but for servers that write who came → where to."""
    for first, second in pairwise(mentions):
        if first.end.port is not None and _joined(low, first, second):
            if _says("accepted_pair", low):
                return second.end, first.end
            return first.end, second.end
    return None


def _joined(low: str, first: Mention, second: Mention) -> bool:
    """Whether an arrow is between, the fields are source and destination, or a Kafka broker names a channel."""
    if pattern("ends", "arrow").fullmatch(low, first.stop, second.start):
        return True
    if _says("pair_from", first.before) and _says("pair_to", second.before):
        return True
    return low[first.stop : second.start] == "-" and first.before.endswith("channelid=")


def _is_local(mention: Mention, low: str) -> bool:
    if _says("local", mention.before):
        return True
    # curl: "connect to A port B from C port D"
    return bool(_says("from_local", mention.before) and _says("connect_from", mention.before[:-5]))


def _remote(named: list[Mention], side: str | None) -> Mention | None:
    if side == "none":
        return None
    mentions = [m for m in named if m.end.ip not in _ANY] or named
    if side == "upstream":
        ups = [m for m in mentions if _says("upstream", m.before)]
        return _first_with_port(ups) or _first_with_port([m for m in mentions if not _says("client", m.before)])
    if side == "client":
        clients = [m for m in mentions if _says("client", m.before)]
        rest = [m for m in mentions if not _says("upstream", m.before)]
        return _first_with_port(clients) or _first_with_port(rest)
    labelled = [m for m in mentions if _says("remote", m.before)]
    plain = [m for m in mentions if not _says("client", m.before)]
    return _first_with_port(labelled) or _first_with_port(plain) or _first_with_port(mentions)


def _first_with_port(mentions: list[Mention]) -> Mention | None:
    return next((m for m in mentions if m.end.port is not None), mentions[0] if mentions else None)
