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
TAKEN_IN: Final = (Kind.RESET_RECEIVED, Kind.ERROR_REPORTED)
"""What a RST of the peer does."""


def comments_of(packets: Iterable[Packet], events: Iterable[KernelEvent]) -> dict[int, str]:
    """Comment by index of packet. A reset belongs to the RST of its sender; everything else to the last packet of its
    connection before it."""
    waiting = _by_connection(events)
    placed: defaultdict[int, list[str]] = defaultdict(list)
    last: dict[Key, int] = {}
    for index, packet in enumerate(packets):
        sender = key_of_packet(packet.bytes) if waiting else None
        if sender is None:
            continue
        for key in (sender, (sender[1], sender[0])):
            left = []
            for event in waiting.pop(key, ()):
                if _brings(packet, key == sender, event):
                    placed[index].append(sentence(event))
                elif key in last and event.kind is not Kind.RESET_SENT and _time(event) < packet.time - BEFORE_NS:
                    placed[last[key]].append(sentence(event))
                else:
                    left.append(event)
            if left:
                waiting[key] = left
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


def _brings(packet: Packet, own: bool, event: KernelEvent) -> bool:
    """Whether a packet is the reset that an event speaks of; `own` where the event's end sent it."""
    if not flags_of_packet(packet.bytes) & RST or packet.time < _time(event) - BEFORE_NS:
        return False
    return event.kind is Kind.RESET_SENT if own else event.kind in TAKEN_IN


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
