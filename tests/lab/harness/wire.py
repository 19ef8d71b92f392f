"""A cable in user space: two tun or tap devices and a thread that carries packets between them, late, lost or forged.

The kernels at both ends are real; only the cable is ours. A tun's recording has link type RAW, a tap's EN10MB.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import select
import struct
import threading
import time
from collections.abc import Callable

from tests.lab.harness.namespaces import Namespace, address

TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 1, 2, 0x1000
Judge = Callable[[str, bytes], bool]


class Wire:
    """client eth0 — this thread — server eth0. `delay` and `lost` may be changed while it runs.

    `lost(role, frame)` is asked of each packet with the role of the host that sent it; True loses it.
    """

    def __init__(
        self, client: Namespace, c_net: str, server: Namespace, s_net: str, *, raw: bool, delay: float = 0
    ) -> None:
        self.delay = delay
        self.lost: Judge = lambda role, frame: False
        self._ends = {"client": self._device(client, c_net, raw), "server": self._device(server, s_net, raw)}
        self._stop, self._stopped = os.pipe()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def inject(self, to: str, frame: bytes) -> None:
        """Hand a packet of ours to a host, as if it had come over the cable."""
        os.write(self._ends[to], frame)

    def close(self) -> None:
        """Stop carrying and remove the devices."""
        os.write(self._stopped, b".")
        self._thread.join(timeout=5)
        for fd in (*self._ends.values(), self._stop, self._stopped):
            os.close(fd)

    @staticmethod
    def _device(host: Namespace, net: str, raw: bool) -> int:
        with host.entered():
            fd = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"eth0", (IFF_TUN if raw else IFF_TAP) | IFF_NO_PI))
        address(host, "eth0", net)
        host.ip("link", "set", "eth0", "up")
        return fd

    def _carry(self) -> None:
        late: list[tuple[float, int, int, bytes]] = []
        roles = {fd: role for role, fd in self._ends.items()}
        while True:
            wait = max(0.0, late[0][0] - time.monotonic()) if late else None
            ready, _, _ = select.select([*roles, self._stop], [], [], wait)
            if self._stop in ready:
                return
            for fd in ready:
                frame = os.read(fd, 65536)
                if not self.lost(roles[fd], frame):
                    to = self._ends["server" if roles[fd] == "client" else "client"]
                    heapq.heappush(late, (time.monotonic() + self.delay, next(self._order), to, frame))
            while late and late[0][0] <= time.monotonic():
                _, _, to, frame = heapq.heappop(late)
                os.write(to, frame)
