"""Open a capture, whatever its container, and read its TCP packets as columns."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from capture.model import Notice
from capture.wire.columns import AddressTable, PacketColumns, QuotedTcp, ScopeTable
from capture.wire.decoding import tcp_columns
from capture.wire.errors import CaptureUnreadable
from capture.wire.feed import Feed
from capture.wire.layers import Layers
from capture.wire.links import LINK_LAYERS, link_name
from capture.wire.pcap import FILE_HEADER, PcapRecords, is_pcap, pcap_form
from capture.wire.records import Records
from capture.wire.source import Source, open_source


class CaptureReader:
    """A capture being read. All but `format` grows while `blocks()` is walked; times are epoch nanoseconds."""

    def __init__(self, path: str, source: Source, feed: Feed, after: CaptureReader | None = None) -> None:
        self.path = path
        self.format = "pcap"
        self.link_types: list[str] = []
        self.first_number = after.first_number + after.packets if after else 1
        self.packets = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.notices: list[Notice] = []
        self.addresses = after.addresses if after else AddressTable()
        self.scopes = after.scopes if after else ScopeTable()
        self.quoted: list[QuotedTcp] = []
        self._source, self._feed = source, feed
        self._layers = Layers(self.addresses, self.scopes)
        form = pcap_form(bytes(feed.buffer[feed.start : feed.start + FILE_HEADER][: feed.end - feed.start]), path)
        self._records = PcapRecords(feed, form, self.first_number - 1)
        self.link_types.append(link_name(form.link))
        if form.link not in LINK_LAYERS:
            self.notices.append(
                Notice(
                    "unsupported_link_type", f"link type {link_name(form.link)} is not decoded: no TCP is seen in it"
                )
            )

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far (compressed ones, where it is)."""
        return self._source.position

    @property
    def bytes_total(self) -> int | None:
        """Size of the file; None for a pipe."""
        return self._source.total

    def blocks(self) -> Iterator[PacketColumns]:
        """The TCP packets in file order; a small block first, then those of about 16 MB each. Once only."""
        for records in self._records:
            self._seen(records)
            columns = tcp_columns(records, self._layers)
            if len(columns):
                yield columns
        self.notices.extend(self._records.notices)
        self.notices.extend(self._source.notices)

    def close(self) -> None:
        """Give the file back."""
        self._feed.close()

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seen(self, records: Records) -> None:
        self.packets += len(records)
        first, last = int(records.time.min()), int(records.time.max())
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)


def open_capture(path: str, *, follow: bool = False, after: CaptureReader | None = None) -> CaptureReader:
    """Open a capture; "-" is standard input. Raises CaptureUnreadable where nothing of it can be read.

    `after` is the reader of the file before, read to its end, where several files are one capture: packet numbers go
    on from it, and its address and scope tables are shared.
    """
    source, _ = open_source(path)
    feed = Feed(source, b"")
    try:
        feed.advance(0)
        prefix = bytes(memoryview(feed.buffer)[feed.start : min(feed.end, feed.start + 64)])
        if not is_pcap(prefix):
            raise CaptureUnreadable(path, "it is no capture", "give a pcap, a pcapng or tcpdump's text output")
        return CaptureReader(path, source, feed, after)
    except BaseException:
        feed.close()
        raise
