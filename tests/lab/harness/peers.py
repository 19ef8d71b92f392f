"""Applications with a script: each call and what it got is kept, for it is the truth a verdict is held against."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from dataclasses import dataclass

from tests.lab.harness.namespaces import Namespace

Address = tuple[str, int]
LINGER_0 = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Call:
    """One system call: when (epoch seconds), which (send#2), its result (bytes, ok, EOF, errno name, APP_TIMEOUT)."""

    at: float
    op: str
    result: str

    @property
    def failed(self) -> bool:
        """Whether the application was told that something is wrong or over."""
        return not self.result.isdigit() and self.result != "ok"


class Application:
    """One side of one connection. No call raises: what it got is returned, and logged."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.calls: list[Call] = []
        self._times: dict[str, int] = {}
        self._begun = 0.0
        self.local: Address = sock.getsockname()[:2]
        self.remote: Address | None = None

    @classmethod
    def on(cls, host: Namespace, address: Address | None = None, *, family: int = socket.AF_INET) -> Application:
        """An unconnected socket on `host`, bound if an address is given."""
        with host.entered():
            sock = socket.socket(family, socket.SOCK_STREAM)
        app = cls(sock)
        if address is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            app._call("bind", lambda: sock.bind(address))
        return app

    def connect(self, remote: Address, timeout: float = 10) -> str:
        """Connect; ok, an errno name, or APP_TIMEOUT after `timeout` seconds."""
        self.remote = remote
        self.sock.settimeout(timeout)
        result = self._call("connect", lambda: self.sock.connect(remote))
        self.local = self.sock.getsockname()[:2]
        return result

    def begin(self, remote: Address) -> None:
        """Send a SYN and go on; `finish` says what came of it."""
        self.remote = remote
        self._begun = time.time()
        self.sock.setblocking(False)
        self.sock.connect_ex(remote)
        self.local = self.sock.getsockname()[:2]

    def finish(self, timeout: float = 10) -> str:
        """What a connect begun got, within so many seconds."""
        _, writable, _ = select.select([], [self.sock], [], timeout)
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        result = "APP_TIMEOUT" if not writable else errno.errorcode[error] if error else "ok"
        return self.note("connect", result, self._begun)

    def send(self, data: int | bytes, timeout: float = 5) -> str:
        """One send of these bytes (or of so many); the count that the kernel took."""
        payload = b"x" * data if isinstance(data, int) else data
        self.sock.settimeout(timeout)
        return self._call("send", lambda: self.sock.send(payload), count=True)

    def send_all(self, size: int, timeout: float = 5, piece: int = 65536) -> str:
        """Send until `size` bytes are taken or a call fails; what the last call got."""
        result, left = "0", size
        while left > 0 and (result := self.send(min(left, piece), timeout)).isdigit():
            left -= int(result)
        return result

    def recv(self, size: int = 65536, timeout: float = 5) -> str:
        """One recv; the count of bytes, EOF, an errno name, or APP_TIMEOUT."""
        self.sock.settimeout(timeout)
        return self._call("recv", lambda: len(self.sock.recv(size)), count=True, empty="EOF")

    def recv_all(self, timeout: float = 5) -> str:
        """Recv until something other than bytes comes; that."""
        while (result := self.recv(timeout=timeout)).isdigit():
            pass
        return result

    def shutdown(self) -> str:
        """Close the sending half."""
        return self._call("shutdown", lambda: self.sock.shutdown(socket.SHUT_WR))

    def close(self) -> str:
        """Close."""
        return self._call("close", self.sock.close)

    def abort(self) -> str:
        """Close with SO_LINGER 0: a RST, no FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        return self._call("close", self.sock.close)

    def vanish(self) -> None:
        """Forget the connection without a packet, as a host that loses power does (TCP_REPAIR)."""
        self.sock.setsockopt(socket.IPPROTO_TCP, 19, 1)
        self.sock.close()

    def option(self, name: str, value: int) -> None:
        """Set a TCP_… or SO_… option."""
        level = socket.SOL_SOCKET if name.startswith("SO_") else socket.IPPROTO_TCP
        self.sock.setsockopt(level, getattr(socket, name), value)

    @property
    def errors(self) -> list[Call]:
        """The calls that failed, in order."""
        return [call for call in self.calls if call.failed]

    def note(self, op: str, result: str, at: float | None = None) -> str:
        """Log a call made elsewhere (by another process) as this side's."""
        if op not in ("connect", "bind", "accept", "close", "shutdown"):
            self._times[op] = self._times.get(op, 0) + 1
            op = f"{op}#{self._times[op]}"
        self.calls.append(Call(time.time() if at is None else at, op, result))
        return result

    def _call(self, op: str, make, *, count: bool = False, empty: str = "0") -> str:  # type: ignore[no-untyped-def]
        at = time.time()
        try:
            got = make()
            result = (str(got) if got else empty) if count else "ok"
        except TimeoutError as error:  # Python's own time-out has no errno; the kernel's ETIMEDOUT has
            result = "APP_TIMEOUT" if error.errno is None else errno.errorcode[error.errno]
        except OSError as error:
            result = errno.errorcode.get(error.errno or 0, repr(error))
        return self.note(op, result, at)


class Listener:
    """A listening socket on a host."""

    def __init__(self, host: Namespace, address: Address, *, backlog: int = 128) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with host.entered():
            self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(address)
        self.sock.listen(backlog)
        self.address: Address = self.sock.getsockname()[:2]

    def accept(self, timeout: float = 5) -> Application:
        """The next connection's server side."""
        self.sock.settimeout(timeout)
        at = time.time()
        sock, remote = self.sock.accept()
        app = Application(sock)
        app.remote = remote[:2]
        app.note("accept", "ok", at)
        return app

    def close(self) -> None:
        """Stop listening."""
        self.sock.close()
