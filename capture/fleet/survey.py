"""What a file is, before its packets are taken: its container, its link types, from when to when.

The first and the last time tell which files are one capture (grouping). Of a large plain file only its begin and its
end are read: the engine finds the next plausible record behind a cut by itself, and a pcapng block can be walked from
the end of the file. All others (packed ones, small ones, those of stores, text) are read whole.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import numpy as np

from capture.engine.session import Engine, Reader
from capture.fleet.model import Surveyed
from capture.flows.from_engine import flow_table
from capture.wire.files.byte_source import open_source
from capture.wire.files.open_capture import open_capture
from capture.wire.files.stores import file_system
from capture.wire.headers.link_types import link_name

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64
    from capture.wire.files.byte_source import Source

    _Told = tuple[str, tuple[str, ...], int, int, tuple[str, ...], tuple[str, ...]]

HEAD = 1 << 18  # bytes of the begin, and of the end, of a large file
LARGE = 1 << 23
PCAPNG = b"\x0a\x0d\x0d\x0a"
PCAP = tuple(bytes.fromhex(magic) for magic in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1"))
PCAP_HEADER = 24
NO_RECORD = b"\xff" * 16  # behind it the engine looks for records, by the time of the last one
LONGEST_BLOCK = 1 << 24
MOST_BEGUN, MOST_OPEN = 64, 512  # connections that are listed at either end
CHANGES = ("size", "ETag", "etag", "mtime", "LastModified", "md5Hash", "created")  # what stores tell of a file's bytes


def stamp_of(path: str) -> tuple[int | None, str]:
    """A file's size, and what changes when its bytes do. Raises CaptureUnreadable, OSError."""
    if "://" in path and not os.path.exists(path):
        fs, name = file_system(path)
        try:
            details = fs.info(name)
        except OSError:
            raise
        except Exception as error:  # each store's own kinds
            raise OSError(f"{type(error).__name__}: {error}") from error
        kept = {key: str(details[key]) for key in CHANGES if key in details}
        size = details.get("size")
        return (int(size) if size is not None else None), repr(sorted(kept.items()))
    status = os.stat(path)
    return status.st_size, f"{status.st_size} {status.st_mtime_ns}"


def survey(path: str) -> Surveyed:
    """Look at a file. Raises CaptureUnreadable where nothing of it can be read."""
    return survey_of_ends(path) or _whole(path, *stamp_of(path))


def survey_of_ends(path: str) -> Surveyed | None:
    """Look at the two ends of a file, which takes no time; None where they do not tell. Raises as `survey`."""
    source, packing = open_source(path)  # what cannot be opened is explained
    try:
        size, stamp = stamp_of(path)
        large = packing is None and size is not None and size >= LARGE and source.total == size
        both = _both_ends(source, path, size) if large and size is not None else None
    finally:
        source.close()
    return Surveyed(path, size, stamp, *both) if both is not None else None


def _whole(path: str, size: int | None, stamp: str) -> Surveyed:
    engine = Engine()
    with open_capture(path, engine) as reader:
        reader.run()
        totals, links, kind = engine.totals, tuple(reader.link_types), reader.format
    if not totals.packets:
        return Surveyed(path, size, stamp, kind, links, None, None)
    flows = flow_table(engine)
    return Surveyed(path, size, stamp, kind, links, totals.first_time, totals.last_time, _begun(flows), _open(flows))


def _both_ends(source: Source, path: str, size: int) -> _Told | None:
    """What the two ends of a file tell; None where they do not."""
    head = bytearray(HEAD)
    head = head[: source.fill(memoryview(head))]
    with open(path, "rb") as file:
        file.seek(size - HEAD)
        tail = file.read(HEAD)
    if head.startswith(PCAP):
        header, tail = _first_record(bytes(head)), NO_RECORD + tail
    elif head.startswith(PCAPNG):
        header, whole = _descriptions(bytes(head)), _last_blocks(tail, big=head[8:12] == b"\x1a\x2b\x3c\x4d")
        if not whole:
            return None
        tail = whole
    else:
        return None
    first, last = Engine(), Engine()
    one, two = Reader(first, 0), Reader(last, 0)
    if one.feed(bytes(head)) < 0 or two.feed(header) < 0 or two.feed(tail) < 0:
        return None
    two.end()
    begin, end = first.totals, last.totals
    if not begin.packets or not end.packets or end.last_time < begin.first_time:
        return None
    links = dict.fromkeys(link_name(link) for link in (*one.links, *two.links))
    edges = _begun(flow_table(first)), _open(flow_table(last), since=begin.first_time)
    return one.format, tuple(links), begin.first_time, end.last_time, *edges


def _first_record(head: bytes) -> bytes:
    """A pcap's header and its first record."""
    order: Literal["little", "big"] = "big" if head[0] == 0xA1 else "little"
    return head[: PCAP_HEADER + 16 + int.from_bytes(head[PCAP_HEADER + 8 : PCAP_HEADER + 12], order)]


def _begun(flows: FlowTable) -> tuple[str, ...]:
    """The first connections that began before the file: without a SYN."""
    return _ends(flows, np.flatnonzero(flows.counts["syn"].sum(axis=1) == 0)[:MOST_BEGUN])


def _open(flows: FlowTable, since: int = -1) -> tuple[str, ...]:
    """The last connections that had not ended: without FIN and RST; `since`: and had packets later than that."""
    lasting = np.flatnonzero((flows.first_fin == 0) & (flows.first_rst == 0) & (flows.highest_time > since))
    return _ends(flows, lasting[np.argsort(-flows.highest_time[lasting], kind="stable")][:MOST_OPEN])


def _ends(flows: FlowTable, connections: I64) -> tuple[str, ...]:
    """As `ip:port ip:port`, whoever began."""
    text = flows.addresses.text
    both = (
        sorted(f"{text(int(flows.address[i, end]))}:{flows.port[i, end]}" for end in (0, 1))
        for i in connections.tolist()
    )
    return tuple(" ".join(ends) for ends in both)


def _blocks(data: bytes, big: bool) -> list[tuple[int, int, int]]:
    """Where the whole blocks at the begin of these bytes begin and end, and of what type each is."""
    order = "big" if big else "little"
    found, at = [], 0
    while at + 12 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], order)  # type: ignore[arg-type]
        if size < 12 or size % 4 or at + size > len(data):
            break
        found.append((at, at + size, int.from_bytes(data[at : at + 4], order)))  # type: ignore[arg-type]
        at += size
    return found


def _descriptions(head: bytes) -> bytes:
    """The section header and the interfaces of a pcapng's begin."""
    big = head[8:12] == b"\x1a\x2b\x3c\x4d"
    return b"".join(head[at:end] for at, end, kind in _blocks(head, big) if kind in (0x0A0D0D0A, 1))


def _last_blocks(tail: bytes, *, big: bool) -> bytes:
    """The whole blocks at the end of a pcapng: each ends with its own length."""
    order = "big" if big else "little"
    at = len(tail)
    while at >= 12:
        size = int.from_bytes(tail[at - 4 : at], order)  # type: ignore[arg-type]
        if size < 12 or size > min(at, LONGEST_BLOCK) or tail[at - size + 4 : at - size + 8] != tail[at - 4 : at]:
            break
        at -= size
    return tail[at:]
