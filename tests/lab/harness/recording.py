"""tcpdump, started so that nothing is missed and stopped so that nothing is lost."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from tests.lab.harness.namespaces import Namespace

_STATISTICS = re.compile(rb"(\d+) packets? captured,?\s+(\d+) packets? received by filter,?\s+(\d+) packets? dropped")


class Recording:
    """One capture point. Ready when the constructor returns: tcpdump has said that it listens."""

    def __init__(self, host: Namespace, path: Path, *, device: str, point: str, snaplen: int = 128) -> None:
        self.host, self.path, self.device, self.point, self.snaplen = host, path, device, point, snaplen
        self.dropped = 0
        self.link_type = ""
        # --immediate-mode: no packet waits in the ring; -U: none waits in stdio; -Z: files in a directory of root's
        self._process = host.start(
            *(
                "tcpdump",
                "-i",
                device,
                "-n",
                "-U",
                "--immediate-mode",
                "-Z",
                "root",
                "-s",
                str(snaplen),
                "-w",
                str(path),
            ),
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        self._said: IO[bytes] = self._process.stderr
        line = self._said.readline()
        while b"listening on" not in line:
            assert line, f"tcpdump on {device} in {host.role} ended before it listened"
            line = self._said.readline()
        self.link_type = line.split(b"link-type ")[1].split(b" ")[0].decode()

    def stop(self) -> None:
        """End it once every packet that the kernel passed to it has been written."""
        last, again = (-1, -1), True
        while again:
            captured, received, self.dropped = self._statistics(signal.SIGUSR1)
            # the counts differ for good on loopback, where each packet is passed twice and written once
            again, last = captured != received and last != (captured, received), (captured, received)
            time.sleep(0.05 if again else 0)
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=5)
        self._said.close()

    def _statistics(self, number: signal.Signals) -> tuple[int, int, int]:
        """tcpdump's own count: (written, passed to it, dropped)."""
        self._process.send_signal(number)
        heard = b""
        while (found := _STATISTICS.search(heard)) is None:
            line = self._said.readline()
            assert line, f"tcpdump ended: {heard!r}"
            heard += line
        return int(found[1]), int(found[2]), int(found[3])
