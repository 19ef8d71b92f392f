"""Which packet an event belongs to, so that Wireshark shows process, errno and reason beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from capture.kernel.event import KernelEvent, Kind
from capture.recorder.connection_keys import RST, Key, flags_of_packet, key_of_event, key_of_packet
from capture.recorder.packet_ring import Packet
from capture.safe_text import printable

BEFORE_NS: Final = 2_000_000
"""The kernel tells of a reset just before its packet passes the ring."""
LONGEST: Final = 1000


def comments_of(packets: Iterable[Packet], events: Iterable[KernelEvent]) -> dict[int, str]:
    """Comment by index of packet. A reset belongs to the RST of its sender; everything else to the last packet of its
    connection before it."""
    waiting = _by_connection(events)
    placed: defaultdict[int, list[str]] = defaultdict(list)
    last: dict[Key, int] = {}
    for index, packet in enumerate(packets):
        key = key_of_packet(packet.bytes) if waiting else None
        if key is None:
            continue
        sender = key
        key = key if key in waiting else (key[1], key[0])
        if key not in waiting:
            continue
        left = []
        for event in waiting[key]:
            at = _time(event)
            if event.kind is Kind.RESET_SENT and key == sender and _is_reset(packet) and packet.time >= at - BEFORE_NS:
                placed[index].append(sentence(event))
            elif at < packet.time and key in last and event.kind is not Kind.RESET_SENT:
                placed[last[key]].append(sentence(event))
            else:
                left.append(event)
        if left:
            waiting[key] = left
        else:
            del waiting[key]
        last[key] = index
    for key, left in waiting.items():
        if key in last:
            placed[last[key]] += [sentence(event) for event in left]
    return {index: "; ".join(texts)[:LONGEST] for index, texts in placed.items()}


def _by_connection(events: Iterable[KernelEvent]) -> dict[Key, list[KernelEvent]]:
    found: dict[Key, list[KernelEvent]] = {}
    for event in events:
        key = key_of_event(event)
        if key is not None and event.kind is not Kind.CLOSED:
            found.setdefault(key, []).append(event)
    return found


def _is_reset(packet: Packet) -> bool:
    return bool(flags_of_packet(packet.bytes) & RST)


def _time(event: KernelEvent) -> int:
    return int(event.time * 1e9)


def sentence(event: KernelEvent) -> str:
    """As "gateway[2105]: send failed, EPIPE (2 times)"."""
    who = f"{printable(event.owner.name, 32)}[{event.owner.pid}]: " if event.owner is not None else ""
    what = WORDS[event.kind].format(call=event.call or "call", errno=event.errno or "", reason=event.reason or "")
    times = f" ({event.count} times)" if event.count > 1 else ""
    return who + what.strip(" ,") + times


WORDS: Mapping[Kind, str] = {
    Kind.RESET_SENT: "reset sent, {reason}",
    Kind.RESET_RECEIVED: "reset received",
    Kind.CALL_FAILED: "{call} failed, {errno}",
    Kind.ERROR_REPORTED: "error on the socket, {errno}",
    Kind.RETRANSMITTED: "retransmitted",
    Kind.DROPPED: "dropped, {reason}",
    Kind.CLOSED: "closed",
}
