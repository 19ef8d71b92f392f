"""Open a capture, whatever its container, and read its TCP packets as columns."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from capture.model import Notice
from capture.wire.columns import AddressTable, PacketColumns, QuotedTcp, ScopeTable
from capture.wire.decoding import completed, tcp_columns
from capture.wire.errors import CaptureUnreadable
from capture.wire.feed import Feed, feed_of
from capture.wire.foreign import PREFIX, format_not_read
from capture.wire.layers import Layers
from capture.wire.links import LINK_LAYERS, link_name
from capture.wire.pcap import PcapRecords, is_pcap
from capture.wire.pcapng import SECTION_BYTES, PcapngRecords
from capture.wire.records import MOST_NAMED, Records
from capture.wire.source import Source, open_source
from capture.wire.stream import streamed

if TYPE_CHECKING:
    from capture.wire.text.columns import TextPackets

MOST_ROWS = 1 << 18  # of one block
SAMPLE = 1 << 19  # bytes in which a text must show a packet


class Container(Protocol):
    """Packets of one container format, window by window."""

    format: str
    links: list[int]
    notices: list[Notice]

    def __iter__(self) -> Iterator[Records]: ...


class CaptureReader:
    """A capture being read. All but `format` grows while `blocks()` is walked; times are epoch nanoseconds."""

    def __init__(
        self, path: str, source: Source, feed: Feed, container: Container | None, after: CaptureReader | None
    ) -> None:
        self.path = path
        self.first_number: int = after.next_number if after else 1
        self.packets: int = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.addresses: AddressTable = after.addresses if after else AddressTable()
        self.scopes: ScopeTable = after.scopes if after else ScopeTable()
        self._source, self._feed = source, feed
        self._layers = Layers(self.addresses, self.scopes)
        self._container = container
        self._printed = None if container else _printed(path, feed, self.addresses, self.scopes, self.first_number - 1)
        self.format: str = container.format if container else "text"
        self.quoted: list[QuotedTcp] = self._printed.quoted if self._printed else self._layers.quotations.found

    @property
    def next_number(self) -> int:
        """The number of the first packet after those read so far."""
        return self.first_number + self.packets

    @property
    def link_types(self) -> list[str]:
        """Names of the link types met so far, without repetition."""
        if self._printed:
            return list(self._printed.link_names)
        return list(dict.fromkeys(link_name(link) for link in self._links()))

    @property
    def notices(self) -> list[Notice]:
        """What was lost, cut or passed over, so far."""
        container = self._printed or self._container
        told = container.notices if container else []
        return [*self._unsupported(), *told, *self._source.notices, *self._layers.notices()]

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far (compressed ones, where it is)."""
        return self._source.position

    @property
    def bytes_total(self) -> int | None:
        """Size of the file; None for a pipe."""
        return self._source.total

    def blocks(self) -> Iterator[PacketColumns]:
        """The TCP packets in file order: a small block first, then larger ones."""
        if self._printed:
            yield from self._text(self._printed)
        for block in streamed(self._container, self._feed, self.addresses):
            self._saw(block.packets, block.first_time, block.last_time)
            columns = completed(block.columns, block.others, self._layers)
            if len(columns):
                yield columns
        for records in self._container or ():
            for part in records.parts(MOST_ROWS):
                self._saw(len(part), int(part.time.min()), int(part.time.max()))
                columns = tcp_columns(part, self._layers)
                if len(columns):
                    yield columns

    def records(self) -> Iterator[Records | str]:
        """The records of all packets, instead of `blocks()`: to find one again. A text has none: "text" once."""
        yield from self._container or ("text",)

    def _text(self, text: TextPackets) -> Iterator[PacketColumns]:
        for columns in text.blocks():
            self.packets, self.first_time, self.last_time = text.packets, text.first_time, text.last_time
            yield columns
        self.packets, self.first_time, self.last_time = text.packets, text.first_time, text.last_time

    def close(self) -> None:
        """Give the file back."""
        self._feed.close()

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _saw(self, packets: int, first: int, last: int) -> None:
        self.packets += packets
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)

    def _links(self) -> list[int]:
        return self._container.links if self._container else []

    def _unsupported(self) -> list[Notice]:
        names = [link_name(link) for link in self._links() if link not in LINK_LAYERS]
        text = "link type {} is not decoded: no TCP is seen in it"
        return [Notice("unsupported_link_type", text.format(name)) for name in names[:MOST_NAMED]]


def open_capture(path: str, *, after: CaptureReader | None = None) -> CaptureReader:
    """Open a capture; "-" is standard input. Raises CaptureUnreadable where nothing of it can be read.

    `after` is the reader of the file before, read to its end, where several files are one capture: packet numbers go
    on from it, and its address and scope tables are shared.
    """
    source, packing = open_source(path)
    feed = feed_of(source)
    try:
        feed.advance(0)
        return CaptureReader(path, source, feed, _container(path, packing, feed, after), after)
    except BaseException:
        feed.close()
        raise


def _container(path: str, packing: str | None, feed: Feed, after: CaptureReader | None) -> Container | None:
    """What reads the packets; None for text. Raises CaptureUnreadable."""
    prefix = bytes(feed.buffer[feed.start : min(feed.end, feed.start + PREFIX)])
    number = after.next_number - 1 if after else 0
    if is_pcap(prefix):
        return PcapRecords(feed, path, number)
    if prefix.startswith(SECTION_BYTES):
        return PcapngRecords(feed, path, number)
    if packing and not prefix:
        raise CaptureUnreadable(path, f"its {packing} data is damaged, or holds nothing", "copy or capture it again")
    other = format_not_read(prefix)
    if other is not None:
        raise CaptureUnreadable(path, *other)
    from capture.wire.text.reader import refusal_of

    with memoryview(feed.buffer) as whole:
        refusal = refusal_of(whole[feed.start : min(feed.end, feed.start + SAMPLE)])
    if refusal is not None:
        raise CaptureUnreadable(path, *refusal)
    return None


def _printed(path: str, feed: Feed, addresses: AddressTable, scopes: ScopeTable, number: int) -> TextPackets:
    from capture.wire.text.columns import TextPackets  # rare, and not needed for the smallest capture to be quick

    return TextPackets(path, feed, addresses, scopes, number)
