"""A capture that came through a terminal: `kubectl exec -t`, `docker exec -t` or `ssh -t`, and `tcpdump -w -` there.

A terminal puts a CR before each LF: one taken out of each CR LF leaves just what was written. What tcpdump says of
itself (`listening on eth0, …`) is before the packets then, as it does where standard error went to the same file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec import Struct

from capture.engine.session import MAGIC_SIZE, recorded_format
from capture.language import tr
from capture.model import Notice

if TYPE_CHECKING:
    from capture.wire.files.byte_source import Source

UNDONE = TEXT, RETURNS = "text_before", "through_terminal"
"""Codes of the notices that tell of a detour: nothing was lost on it."""

MOST_TEXT = 4096  # bytes before the capture
_PCAPNG = b"\r\n\r\r\r\n"  # its magic number is 0a 0d 0d 0a
_HEADER, _RECORD, _LARGEST = 24, 16, 1 << 18


class Detour(Struct, frozen=True):
    """What a capture met on its way: so many bytes of text come before it, and its LFs have CRs before them."""

    text: int
    returns: bool


def detour(data: bytes) -> Detour | None:
    """By the first bytes of a file; None where it came straight, or is no capture."""
    text = _text_before(data)
    if text is None:
        return None
    capture = data[text:]
    through_terminal = capture.startswith(_PCAPNG) or data[:text].endswith(b"\r\n") or _reads_better_without(capture)
    return Detour(text, through_terminal) if text or through_terminal else None


def _text_before(data: bytes) -> int | None:
    """How many bytes of whole lines are before the capture; None where none begins behind them."""
    at = 0
    while not (recorded_format(data[at : at + MAGIC_SIZE]) or data.startswith(_PCAPNG, at)):
        end = data.find(b"\n", at, MOST_TEXT) + 1
        if not end or not data[at:end].strip(b"\r\n").decode("utf-8", "replace").isprintable():
            return None
        at = end
    return at


def _reads_better_without(capture: bytes) -> bool:
    """Every LF has a CR before it, and more records follow one another without."""
    first = capture.find(b"\n")
    if first < 1 or capture[first - 1 : first] != b"\r" or capture.count(b"\r\n") != capture.count(b"\n"):
        return False
    return _records(capture.replace(b"\r\n", b"\n")) > _records(capture)


def _records(pcap: bytes) -> int:
    """How many records of a pcap follow one another, as far as it is there."""
    order = "<" if pcap[:1] in b"\xd4\x4d\x34\x12" else ">"
    at = count = 0
    at = _HEADER
    while at + _RECORD <= len(pcap):
        captured, original = struct.unpack_from(f"{order}2I", pcap, at + 8)
        if not 0 < captured <= min(original, _LARGEST):
            break
        at += _RECORD + captured
        count += 1
    return count


class Straightened:
    """A source as it was before its detour. `begun`: what was taken of it."""

    def __init__(self, source: Source, begun: bytes, detour: Detour) -> None:
        self._source, self._returns, self._text = source, detour.returns, detour.text
        self._ready = memoryview(b"")
        self._return = b""  # one whose LF may come
        self.total, self.notices = source.total, source.notices
        if detour.text:
            self.notices.append(Notice(TEXT, tr("{n} bytes of text before it are passed over", n=detour.text)))
        if detour.returns:
            self.notices.append(
                Notice(
                    RETURNS,
                    tr(
                        "it came through a terminal, whose CR before each LF is taken out again; leave out -t next time"
                    ),
                )
            )
        self._put(begun[detour.text :])

    @property
    def position(self) -> int:
        """Bytes taken from the file."""
        return self._source.position

    @property
    def holds(self) -> bool:
        """Are there bytes to be taken before the file is read again?"""
        return bool(self._ready) or self._source.holds

    def fill(self, view: memoryview) -> int:
        """Read until `view` is full or the end."""
        done = 0
        while done < len(view) and (got := self.take(view[done:])):
            done += got
        return done

    def take(self, view: memoryview) -> int:
        """Read what is there by now; waits for the first byte."""
        while not self._ready:
            got = self._source.take(view)
            if not got and not self._return:
                return 0
            self._put(bytes(view[:got]))
        size = min(len(self._ready), len(view))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        """Give the file back."""
        self._source.close()

    def _put(self, data: bytes) -> None:
        if self._returns:
            whole = self._return + data
            self._return = b"\r" if data.endswith(b"\r") else b""  # at the end none comes
            data = whole[: len(whole) - len(self._return)].replace(b"\r\n", b"\n")
        self._ready = memoryview(data)
