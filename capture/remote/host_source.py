"""The Source of another host's sockets: what its last frame says."""

from __future__ import annotations

from collections.abc import Iterable

from capture.remote.frames import Frame
from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE, TIME_WAIT, number_at
from capture.sockets.row import NO_PERMISSION, Namespace, Owner, Process
from capture.sockets.sources import counters
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.dump_messages import message_spans
from capture.sockets.sources.settings import KernelSettings, parsed_settings
from capture.sockets.sources.tcpinfo import TcpInfo, tcp_info


class RemoteSource:
    """See Source and KnowsOwners. `take` gives it the next frame."""

    name = "sock_diag"

    def __init__(self, netns: Namespace | None, frame: Frame) -> None:
        self.netns = netns
        self.owners: dict[bytes, tuple[Owner, ...]] = {}
        self.hidden: dict[bytes, str] = {}
        self._processes: dict[int, Process] = {}
        self.take(frame)

    def take(self, frame: Frame) -> None:
        """What the methods tell from now on."""
        self.frame = frame
        self._take_owners(frame)

    @property
    def processes(self) -> list[Process]:
        """Those that hold sockets."""
        return list(self._processes.values())

    def connections(self) -> Iterable[Chunk]:
        """See Source."""
        return [self.frame.connections]

    def detailed(self) -> Iterable[bytes]:
        """See Source."""
        return [self.frame.connections]

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        return [self.frame.listeners]

    def exact(self, raw: bytes) -> TcpInfo | None:
        """See Source: from the frame."""
        for start, end in message_spans(self.frame.connections):
            if self.frame.connections[start + HEADER_SIZE + 44 : start + HEADER_SIZE + 52] == raw[44:52]:
                return tcp_info(self.frame.connections, start, end)
        return None

    def counters(self) -> dict[str, int]:
        """See Source."""
        found: dict[str, int] = {}
        for name, text in self.frame.head.texts.items():
            if text is not None and name in counters.COUNTED:
                found |= counters.parse_file(name, text)
        return found

    def settings(self) -> KernelSettings:
        """See Source."""
        return parsed_settings(self.frame.head.settings)

    def limits(self) -> list[str]:
        """See Source."""
        return []

    def close(self) -> None:
        """See Source."""

    def _take_owners(self, frame: Frame) -> None:
        by_inode: dict[int, list[Owner]] = {}
        alive: dict[int, Process] = {}
        for pid, (comm, open_files, limits, held) in frame.head.holders.items():
            if not pid.isdigit():
                continue
            process = alive[int(pid)] = self._processes.get(int(pid)) or Process(int(pid), comm)
            process.name, process.open_files = comm, open_files
            process.soft_limit, process.hard_limit = (_limit(one) for one in limits or ("", ""))
            for inode, descriptor in held:
                by_inode.setdefault(inode, []).append(Owner(process, descriptor))
        self._processes = alive
        self.owners, self.hidden = {}, {}
        for buffer in (frame.listeners, frame.connections):
            for start, _ in message_spans(buffer):
                raw = buffer[start + HEADER_SIZE : start + HEADER_SIZE + RECORD_SIZE]
                inode = number_at(raw, 68)
                if inode in by_inode:
                    self.owners[raw[44:52]] = tuple(by_inode[inode])
                elif inode and frame.head.hidden and raw[1] != TIME_WAIT:
                    self.hidden[raw[44:52]] = NO_PERMISSION


def _limit(text: str) -> int | None:
    return int(text) if text.isdigit() else None
