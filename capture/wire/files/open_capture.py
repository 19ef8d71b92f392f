"""Open a capture, whatever it is, and feed what it holds to the engine, piece by piece as it comes."""

from __future__ import annotations

import os
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol

from capture.engine import session
from capture.engine.session import MAGIC_SIZE, Engine, Reader, recorded_format
from capture.model import Notice
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.byte_source import PlainSource, Source, open_source
from capture.wire.files.notices import sentences
from capture.wire.files.terminal_output import Straightened, detour
from capture.wire.files.unread_formats import format_not_read
from capture.wire.headers.link_types import link_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from capture.engine.session import WholePacket

PIECE = 1 << 19  # bytes read and fed at once: they stay in the cache
AT_ONCE = 1 << 22  # … where the engine reads the file itself
SAMPLE = 1 << 19  # bytes in which a text must show a packet
MOST_TOLD = 200  # notices of captures that are read, where a file holds several
MOST_CAPTURES = 1000  # in one file, one behind the other
_WHY = {
    session.BAD_START: ("its first block is cut off or damaged", "capture again"),
    session.HEADER_CUT: ("it ends within the file header", "capture again"),
}


class Packets(Protocol):
    """What turns bytes into packets of an engine."""

    format: str

    @property
    def packets(self) -> int:
        """Packets of all kinds so far."""
        ...

    @property
    def link_names(self) -> list[str]:
        """Names of the link types met so far."""
        ...

    def feed(self, piece: memoryview) -> None:
        """Take some bytes."""
        ...

    def end(self) -> None:
        """Nothing more comes."""
        ...

    def notices(self, source: list[Notice]) -> list[Notice]:
        """The notices; `source` are those of the bytes' source."""
        ...


class RecordedPackets:
    """pcap and pcapng, several one behind the other too. Raises CaptureUnreadable by the path.

    Of those that are read, only the notices are kept: a file may hold a million of them. `apart`: only the first
    is taken; `rest` is what came of the next one, or None where none begins, and `next_at` where in the file it begins.
    """

    def __init__(self, path: str, engine: Engine, before: int, begins: int = 0, *, apart: bool = False) -> None:
        self._path, self._engine, self._before = path, engine, before
        self._reader = Reader(engine, before, begins)
        self._apart = apart
        self.rest: bytes | None = None
        self.next_at = 0
        self._earlier = self._captures = 0  # packets of the captures before, and how many these are
        self._kept_notices: list[session.EngineNotice] = []
        self._links: dict[int, None] = {}
        self._kept: list[WholePacket] = []
        self._size = 0
        self._want: tuple[npt.NDArray[np.uint64], int] | None = None
        self.format = ""

    @property
    def packets(self) -> int:
        """Packets of all kinds so far."""
        return self._earlier + self._reader.packets

    @property
    def link_names(self) -> list[str]:
        """Names of the link types met so far, without repetition."""
        return list(dict.fromkeys(link_name(link) for link in self._all_links()))

    def _all_links(self) -> dict[int, None]:
        return self._links | dict.fromkeys(self._reader.links)

    def feed(self, piece: memoryview) -> None:
        """Take some bytes."""
        self._size += len(piece)
        if self._captures == MOST_CAPTURES:
            return
        self._judged(self._reader.feed(piece))
        self.format = self.format or self._reader.format

    def feed_file(self, source: PlainSource) -> bool:
        """Have the engine read some of a file; False at its end."""
        if self._captures == MOST_CAPTURES:
            return source.take(memoryview(bytearray(PIECE))) > 0
        status, taken, error = self._reader.feed_file(source.fileno, AT_ONCE)
        self._size += taken
        source.position += taken
        if error:
            source.stopped(OSError(error, os.strerror(error)))
        self._judged(status)
        self.format = self.format or self._reader.format
        return taken > 0

    def end(self) -> None:
        """Nothing more comes."""
        self._judged(self._reader.end())

    def notices(self, source: list[Notice]) -> list[Notice]:
        """What was lost, cut or passed over; `source` are those of the bytes' source."""
        found_notices = sentences([*self._kept_notices, *self._reader.notices(ended=self.rest is None)], source)
        if self._captures == MOST_CAPTURES:
            text = f"there are more than {MOST_CAPTURES} captures in this file: the others are not read"
            found_notices.append(Notice("cut_short", text, self._before + self.packets + 1))
        return found_notices

    def want(self, numbers: npt.NDArray[np.uint64], most: int) -> None:
        """Keep these packets in full, at most `most` bytes of each; asked before the first is fed."""
        self._want = (numbers, most)
        self._reader.want(numbers, most)

    def wanted(self) -> list[WholePacket]:
        """Those that came by."""
        return [*self._kept, *self._reader.wanted()]

    def _judged(self, status: int) -> None:
        if status == session.READER_NEXT and self._apart:
            self.rest, self.next_at = self._reader.left(), self._reader.offset
            return
        while status == session.READER_NEXT and self._captures < MOST_CAPTURES:
            status = self._reader_after(self._reader)

        if status == session.NO_MEMORY:
            raise MemoryError
        if status == session.HEADER_CUT:
            raise CaptureUnreadable(
                self._path, f"it ends after {self._size} bytes, within the file header", "capture again"
            )
        if status < 0:
            raise CaptureUnreadable(self._path, *_WHY.get(status, ("it is no capture", "")))

    def _reader_after(self, last: Reader) -> int:
        """Another capture begins: the notices of the last one stay."""
        self._captures += 1
        self._earlier += last.packets
        self._kept_notices += last.notices(ended=False)[: max(0, MOST_TOLD - len(self._kept_notices))]
        self._links |= dict.fromkeys(last.links)
        self._kept += last.wanted() if self._want is not None else ()
        left = last.left()
        self.format = self.format or last.format
        self._reader = Reader(self._engine, self._before + self._earlier, last.offset)
        if self._want is not None:
            self._reader.want(*self._want)
        return self._reader.feed(left)


class CaptureReader:
    """A capture being read into an engine. All but `format` grows while it is read.

    `copy`: a file that gets all bytes too, so that a pipe can be looked at again.
    """

    copy: IO[bytes] | None = None

    def __init__(self, path: str, source: Source, engine: Engine, packets: Packets, begun: list[bytes]) -> None:
        self.path, self._source, self._engine = path, source, engine
        self.packets_in = packets
        self._file = source if isinstance(source, PlainSource) and source.is_file else None
        self._buffer = bytearray()
        self._begun = begun  # what was read to tell the format
        self.ended = False
        self.begins = 0  # where in the file

    @property
    def format(self) -> str:
        """Its container: pcap, pcapng or text."""
        return self.packets_in.format

    @property
    def packets(self) -> int:
        """Packets of all kinds so far."""
        return self.packets_in.packets

    @property
    def link_types(self) -> list[str]:
        """Names of the link types met so far, without repetition."""
        return self.packets_in.link_names

    @property
    def notices(self) -> list[Notice]:
        """What was lost, cut or passed over, so far."""
        return self.packets_in.notices(self._source.notices)

    @property
    def names(self) -> Mapping[bytes, str]:
        """Of a text: names of hosts by the addresses that stand for them."""
        return getattr(self.packets_in, "names", {})

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far (compressed ones, where it is)."""
        return self._source.position

    @property
    def bytes_total(self) -> int | None:
        """Size of the file; None for a pipe."""
        return self._source.total

    def step(self) -> bool:
        """Feed the next piece, as much as is there by now; False at the end."""
        if self.more():
            return True
        if not self.ended:
            self.leave()
        return False

    def more(self) -> bool:
        """Feed what is there by now; False where nothing is, which of a file that grows is not the end."""
        if self.another:
            return False
        packets = self.packets_in
        if self._file is not None and isinstance(packets, RecordedPackets) and not self.holds:
            return packets.feed_file(self._file)
        piece = memoryview(self._begun.pop(0)) if self._begun else self._taken()
        if not piece:
            return False
        if self.copy is not None:
            self.copy.write(piece)
        self.packets_in.feed(piece)
        return True

    @property
    def holds(self) -> bool:
        """Can something be fed before the file is read again?"""
        return bool(self._begun) or self._source.holds

    @property
    def another(self) -> bool:
        """Does another capture begin where this one, which was opened `apart`, ends?"""
        return isinstance(self.packets_in, RecordedPackets) and self.packets_in.rest is not None

    def following(self, engine: Engine) -> CaptureReader:
        """The capture that begins where this one ends, into an engine of its own; numbers begin anew."""
        last = self.packets_in
        assert isinstance(last, RecordedPackets)
        assert last.rest is not None
        packets = RecordedPackets(self.path, engine, 0, last.next_at, apart=True)
        begun = [*([last.rest] if last.rest else []), *self._begun]
        reader = CaptureReader(self.path, self._source, engine, packets, begun)
        reader.begins, reader.copy = last.next_at, self.copy
        return reader

    def leave(self) -> None:
        """Nothing more is fed; what was left open behind damage is decided."""
        self.ended = True
        if not self.another:
            self.packets_in.end()

    def _taken(self) -> memoryview:
        self._buffer = self._buffer or bytearray(PIECE)
        view = memoryview(self._buffer)
        return view[: self._source.take(view)]

    def run(self) -> None:
        """Read it to its end."""
        while self.step():
            pass

    def close(self) -> None:
        """Give the file back."""
        self._source.close()

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_capture(path: str, engine: Engine, before: int = 0, begins: int = 0, *, apart: bool = False) -> CaptureReader:
    """Open a capture; "-" is standard input. Raises CaptureUnreadable where nothing of it can be read.

    `before` is how many packets the files before had, where several are one capture: packet numbers go on. `apart`: a
    capture that begins behind the first one is not taken as its continuation. `begins`: where in the file (its unpacked
    bytes) the capture begins.
    """
    source, packing = open_source(path)
    try:
        begun = _beginning(source, [])
        if source.total is not None:  # of a file, which does not keep us waiting, the first records are looked at too
            begun += _piece(source)
        met = detour(b"".join(begun))
        if met is not None:
            source = Straightened(source, b"".join(begun), met)
            begun = _beginning(source, [])
        if begins:
            begun = _beginning(source, _passed_over(source, begun, begins))
        if not begun and packing:
            raise CaptureUnreadable(
                path, f"its {packing} data is damaged, or holds nothing", "copy or capture it again"
            )
        prefix = b"".join(begun)
        packets: Packets
        if recorded_format(prefix):
            packets = RecordedPackets(path, engine, before, begins, apart=apart)
        else:
            packets = _text_packets(path, prefix, engine, before)
        reader = CaptureReader(path, source, engine, packets, begun)
        reader.begins = begins
        return reader
    except BaseException:
        source.close()
        raise


def _passed_over(source: Source, begun: list[bytes], size: int) -> list[bytes]:
    """Leave out so many bytes that nobody reads: what of those that were taken comes behind them."""
    data = b"".join(begun)
    size -= len(data)
    if size < 0:
        return [data[size:]]
    scratch = memoryview(bytearray(min(size, PIECE)))
    while size > 0 and (got := source.take(scratch[:size])):
        size -= got
    return []


def _beginning(source: Source, found: list[bytes]) -> list[bytes]:
    """The first bytes: as many as tell a recorded capture; more, as far as they are there soon, of anything else.

    `found`: those that were taken already.
    """
    while True:
        size = sum(map(len, found))
        if size >= MAGIC_SIZE and recorded_format(b"".join(found)):
            return found
        if size >= SAMPLE:
            return found
        piece = _piece(source)
        if not piece:
            return found
        found += piece


def _piece(source: Source) -> list[bytes]:
    """What is there by now; nothing at the end."""
    piece = bytearray(PIECE)
    got = source.take(memoryview(piece))
    return [bytes(memoryview(piece)[:got])] if got else []


def _text_packets(path: str, prefix: bytes, engine: Engine, before: int) -> Packets:
    """What reads a text's packets. Raises CaptureUnreadable where it is none."""
    other = format_not_read(prefix)
    if other is not None:
        raise CaptureUnreadable(path, *other)
    from capture.wire.text.reader import refusal_of
    from capture.wire.text.segments import TextPackets  # rare, and not needed for the smallest capture to be quick

    refusal = refusal_of(memoryview(prefix))
    if refusal is not None:
        raise CaptureUnreadable(path, *refusal)
    return TextPackets(path, engine, before)
