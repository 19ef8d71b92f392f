"""Looks of a host that has a shell and no python3: the text that shell_collector.sh prints, as records.

The other side may be hostile: what it sends is bounded, and a line that cannot be read is left out.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from capture.remote.host_errors import HostUnreachable
from capture.sockets.inet_diag_msg import LISTEN, NUMBER, local_of, packed
from capture.sockets.sources.procfs import parse_table

MAGIC: Final = b"tcptriage-text "
LARGEST_TEXT: Final = 256 << 20
SEND_QUEUE_AT: Final = 60
END: Final = b"\n== end\n"
_COMM = re.compile(r"^/proc/(\d+)/comm:(.*)$", re.MULTILINE)
_LIMITS = re.compile(r"^/proc/(\d+)/limits:Max open files\s+(\w+)\s+(\w+)", re.MULTILINE)
_FOLDER = re.compile(r"^/proc/(\d+)/fd:$", re.MULTILINE)
_SOCKET = re.compile(r"\s(\d+) -> socket:\[(\d+)\]$", re.MULTILINE)
_LISTENING = re.compile(r"^LISTEN\s+\d+\s+(\d+)\s+(\S+):(\d+)\s", re.MULTILINE)

Holders = dict[str, tuple[str, int, tuple[str, str] | None, list[tuple[int, int]]]]


class TextLook(Struct, frozen=True):
    """One look: messages as of sock_diag, and what a frame's head says."""

    time: float
    uid: int
    host: str
    listeners: bytes
    connections: bytes
    holders: Holders
    hidden: int
    texts: dict[str, str | None]
    settings: dict[str, str | None]


class TextFrames:
    """Bytes in, looks out. Raises HostUnreachable for what is none."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[TextLook]:
        """The looks that are whole now."""
        self._rest += data
        while (end := self._rest.find(END, self._searched)) >= 0:
            text = bytes(self._rest[: end + 1]).decode("utf-8", "replace")
            del self._rest[: end + len(END)]
            self._searched = 0
            yield _look(text)
        self._searched = max(0, len(self._rest) - len(END))
        if len(self._rest) > LARGEST_TEXT:
            raise HostUnreachable("its look is larger than any host's")


def _look(text: str) -> TextLook:
    parts = _sections(text)
    head = next((name.split() for name in parts if name.startswith("look ")), [])
    if "net tcp" not in parts or not parts["net tcp"].strip():
        raise HostUnreachable("neither python3 nor /proc/net/tcp there")
    maxima = {(found[2], int(found[3])): int(found[1]) for found in _LISTENING.finditer(parts.get("ss", ""))}
    listeners, connections = [], []
    for family, name in ((socket.AF_INET, "net tcp"), (socket.AF_INET6, "net tcp6")):
        for raw in parse_table(parts.get(name, ""), family):
            if raw[1] == LISTEN:
                listeners.append(packed(_with_maximum(raw, family, maxima)))
            else:
                connections.append(packed(raw))
    holders, hidden = _holders(parts)
    return TextLook(
        time=float(head[1]) if len(head) > 1 and head[1].isdigit() else 0.0,
        uid=int(head[2]) if len(head) > 2 and head[2].isdigit() else -1,
        host=parts.get("host", "").strip()[:255],
        listeners=b"".join(listeners),
        connections=b"".join(connections),
        holders=holders,
        hidden=hidden,
        texts={name: parts.get(f"net {name}") or None for name in ("snmp", "netstat", "dev", "softnet_stat")},
        settings={name[len("setting ") :]: value or None for name, value in parts.items() if name[:8] == "setting "},
    )


def _sections(text: str) -> dict[str, str]:
    """What is under each `== name`."""
    found: dict[str, str] = {}
    for part in text.split("\n== ")[1:]:
        name, _, rest = part.partition("\n")
        found[name.strip()] = rest
    return found


def _with_maximum(raw: bytes, family: int, maxima: dict[tuple[str, int], int]) -> bytes:
    """/proc does not tell an accept queue's maximum; ss does, where there is one."""
    local = local_of(raw)
    names = [local.ip, f"[{local.ip}]"]
    if family == socket.AF_INET6 and local.ip == "::":
        names.append("*")
    most = next((maxima[name, local.port] for name in names if (name, local.port) in maxima), None)
    if most is None or not 0 <= most <= 0xFFFFFFFF:
        return raw
    return raw[:SEND_QUEUE_AT] + NUMBER.pack(most) + raw[SEND_QUEUE_AT + NUMBER.size :]


def _holders(parts: dict[str, str]) -> tuple[Holders, int]:
    """Processes that hold sockets, and how many may not be looked into."""
    names = {found[1]: found[2] for found in _COMM.finditer(parts.get("comm", ""))}
    limits = {found[1]: (found[2], found[3]) for found in _LIMITS.finditer(parts.get("limits", ""))}
    text = parts.get("fd", "")
    folders = list(_FOLDER.finditer(text))
    held: Holders = {}
    listed = set()
    for number, folder in enumerate(folders):
        lines = text[folder.end() : folders[number + 1].start() if number + 1 < len(folders) else len(text)]
        sockets = [(int(found[2]), int(found[1])) for found in _SOCKET.finditer(lines)]
        if any(inode > 0xFFFFFFFF or descriptor > 0x7FFFFFFF for inode, descriptor in sockets):
            continue
        listed.add(folder[1])
        if sockets:
            open_files = sum(1 for line in lines.splitlines() if line[:1] in ("l", "d", "-"))
            held[folder[1]] = (names.get(folder[1], "?"), open_files, limits.get(folder[1]), sockets)
    return held, len(names.keys() - listed)
