"""A capture that is still being written: a file that grows, the next files of its ring, or standard input.

`poll` takes what has come by now, so that a screen can ask between two looks, and a pipeline can wait for it.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from capture.engine.session import MAGIC_SIZE
from capture.model import Notice
from capture.safe_text import printable
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import CaptureReader, open_capture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.engine.session import Engine

LOOK_S = 0.1  # between two looks at a file that did not grow
AT_ONCE = 64  # pieces taken before the caller is asked again
MOST_NOTICES = 100  # kept of files that were read before
_BEGIN = 64  # bytes by which a file is known again: its header, and the time of its first packet


class Identity(Struct, frozen=True):
    """Which file it is, and what it began with: a ring's file that is written anew keeps its name and its inode."""

    device: int
    inode: int
    begin: bytes
    size: int

    @staticmethod
    def of(path: str) -> Identity | None:
        """Of the file that has this name now; None where none can be read."""
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                return Identity(status.st_dev, status.st_ino, file.read(_BEGIN), status.st_size)
        except OSError:
            return None

    def grew_to(self, other: Identity) -> bool:
        """Is the other the same file, with more in it, or as much?"""
        same = (self.device, self.inode) == (other.device, other.inode)
        return same and other.begin.startswith(self.begin)


class Followed:
    """A capture that is followed into an engine. Packet numbers go on from file to file."""

    def __init__(self, path: str, engine: Engine) -> None:
        """Begin; a file may be empty still. Raises CaptureUnreadable where it cannot be followed."""
        self.path = path  # the file at hand
        self._engine = engine
        self._reader: CaptureReader | None = None
        self._identity: Identity | None = None
        self._done: dict[str, Identity] = {}  # files of the ring that were read to their end
        self._before = 0  # packets of the files before
        self._noticed: list[Notice] = []
        self._format = ""
        self._links: dict[str, None] = {}
        self._names: dict[bytes, str] = {}
        self.parts: list[tuple[str, int]] = []  # files, and the number of each one's first packet
        self.ended = False
        self._open()

    @property
    def packets(self) -> int:
        """Packets of all kinds so far."""
        return self._before + (self._reader.packets if self._reader else 0)

    @property
    def format(self) -> str:
        """The container; "" while nothing came."""
        return self._reader.format if self._reader else self._format

    @property
    def link_types(self) -> list[str]:
        """Names of the link types met so far."""
        return list(self._links | dict.fromkeys(self._reader.link_types if self._reader else ()))

    @property
    def names(self) -> Mapping[bytes, str]:
        """Of a text: names of hosts by the addresses that stand for them."""
        return {**self._names, **(self._reader.names if self._reader else {})}

    @property
    def notices(self) -> list[Notice]:
        """What was lost, cut or passed over in files that are read; of one that grows, no end is reported."""
        return list(self._noticed)

    def poll(self, wait: float = 0.0) -> bool:
        """Take what has come, and wait for it at most `wait` seconds; whether anything did.

        Raises CaptureUnreadable where what came is no capture.
        """
        until = time.monotonic() + wait
        while not self.ended:
            if self._take(max(0.0, until - time.monotonic())):
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            if self.path != "-":
                time.sleep(min(LOOK_S, left))
        return False

    def end(self) -> None:
        """Nothing more is taken: what the end cut off is reported."""
        self.ended = True
        self._leave()

    def close(self) -> None:
        """Give the file back."""
        if self._reader is not None:
            self._reader.close()

    def _take(self, wait: float) -> bool:
        if self.path == "-":
            return self._take_of_pipe(wait)
        if self._reader is None:
            return self._open()
        again = self._written_anew()
        if again is None:
            return self._begin_again()
        if self._grown():
            return True
        following = self.path if again else self._next_of_ring()
        if following is None:
            return False
        if again:
            self._say("was replaced")
        self._grown()  # what was written between the two looks
        self._leave()
        self.path = following
        return self._open()

    def _take_of_pipe(self, wait: float) -> bool:
        assert self._reader is not None
        if not self._reader.holds and not select.select([sys.stdin], [], [], wait)[0]:
            return False
        if not self._reader.more():
            self.end()
        return True

    def _grown(self) -> bool:
        """Feed what is there; at most so much that the caller is asked now and then."""
        assert self._reader is not None
        pieces = 0
        while pieces < AT_ONCE and self._reader.more():
            pieces += 1
        return pieces > 0

    def _open(self) -> bool:
        """Begin to read the file at hand; False while it is too short to tell what it is."""
        if self.path != "-" and _size(self.path) in range(MAGIC_SIZE):
            return False
        try:
            reader = open_capture(self.path, self._engine, self._before)
        except CaptureUnreadable as error:
            if error.empty and self.path != "-":  # cut off meanwhile
                return False
            raise
        self._reader = reader
        self._identity = None if self.path == "-" else Identity.of(self.path)
        self.parts.append((self.path, self._before + 1))
        return True

    def _leave(self, rest: bool = True) -> None:
        """The file at hand is read to its end, with the `rest` of it."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        try:
            if rest:
                reader.run()
            else:
                reader.leave()
        except CaptureUnreadable as error:
            self._tell(Notice("part_left_out", f"{error.path} is not in this: {error.why}"))
        for notice in reader.notices:
            self._tell(notice)
        self._before += reader.packets
        self._format = self._format or reader.format
        self._links |= dict.fromkeys(reader.link_types)
        self._names.update(reader.names)
        reader.close()
        if self._identity is not None:
            self._done[self.path] = self._identity

    def _tell(self, notice: Notice) -> None:
        if len(self._noticed) < MOST_NOTICES:
            self._noticed.append(notice)

    def _written_anew(self) -> bool | None:
        """Does another file have this one's name by now? None: it is the same file, with other bytes in it."""
        now, was = Identity.of(self.path), self._identity
        if now is None or was is None:
            return False
        if (now.device, now.inode) != (was.device, was.inode):
            return True
        if not now.begin.startswith(was.begin) or os.stat(self.path).st_size < self._position():
            return None
        self._identity = now
        return False

    def _say(self, what: str) -> None:
        text = f"{printable(self.path)} {what} while it was followed"
        self._tell(Notice("file_replaced", text, self.packets + 1))

    def _begin_again(self) -> bool:
        """The bytes that follow in this file are others: what was read of it is all that there is."""
        self._say("became shorter, or was written anew,")
        self._leave(rest=False)
        return self._open()

    def _position(self) -> int:
        return self._reader.bytes_read if self._reader else 0

    def _next_of_ring(self) -> str | None:
        """A file named alike, written to after this one, that was not read yet: the one that comes first."""
        here = Path(self.path)
        pattern = ring_pattern(here.name)
        written = _written(here)
        younger: list[tuple[int, str]] = []
        try:
            names = [entry.name for entry in os.scandir(here.parent) if pattern.fullmatch(entry.name)]
        except OSError:
            return None
        paths = [str(here.with_name(name)) for name in names]
        self._done = {path: self._done[path] for path in paths if path in self._done}  # a ring drops files for years
        for name, path in zip(names, paths, strict=True):
            at = _written(Path(path))
            if name == here.name or at < written or at < 0:
                continue
            identity, known = Identity.of(path), self._done.get(path)
            if identity is None or not identity.begin or (known is not None and known.grew_to(identity)):
                continue
            younger.append((at, path))
        return min(younger)[1] if younger else None


def ring_pattern(name: str) -> re.Pattern[str]:
    """Names of a ring's files, of one of them: numbers differ, and may be missing at the end (tcpdump -C).

    tcpdump -W: cap.pcap0, cap.pcap1; tcpdump -G: cap-20240101120000.pcap; dumpcap -b: cap_00001_20240101120000.pcapng.
    """
    parts = re.split(r"\d+", name)
    whole = r"\d+".join(map(re.escape, parts))
    return re.compile(whole if name[-1:].isdigit() else whole + r"\d*")


def _size(path: str) -> int:
    """Bytes of a file; -1 where it is none, which opening it explains."""
    try:
        return os.stat(path).st_size if os.path.isfile(path) else -1
    except OSError:
        return -1


def _written(path: Path) -> int:
    """When a file was last written to (ns); -1 where it is none."""
    try:
        status = path.stat()
    except OSError:
        return -1
    return status.st_mtime_ns if path.is_file() else -1
