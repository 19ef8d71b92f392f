"""How long sockets used to stay in a closing state before they left it: what is usual here is no leak.

A pool that is reaped every 3 s, an application that closes its half with the next request: such sockets wait, and go.
A leak's never do. So rows count as left behind only once they are clearly older than those that left.
"""

from __future__ import annotations

from capture.sockets import inet_diag_msg as diag

MEMORY_S = 600.0
MARGIN = 1.5
MOST_S = 60.0
"""No patience beyond this: who takes a minute to close has a leak, or one when it matters. It also bounds what the end
of a leaking process, which closes everything at once, teaches."""
MOST_KEYS = 4096
REMEMBERED = frozenset((diag.CLOSE_WAIT, diag.FIN_WAIT_2))


class Residence:
    """Longest stays by state and service, of the last ten minutes."""

    def __init__(self) -> None:
        self._longest: dict[bytes, tuple[float, float]] = {}

    def left(self, key: bytes, age_s: float, now: float) -> None:
        """A socket left its state after so long."""
        longest, when = self._longest.get(key, (0.0, now))
        if age_s >= longest or now - when > MEMORY_S:
            if key not in self._longest and len(self._longest) >= MOST_KEYS:
                self._longest.clear()
            self._longest[key] = (age_s, now)

    def patience(self, key: bytes, least: float, now: float) -> float:
        """From which age on a socket of this key is left behind, at least `least` seconds."""
        longest, when = self._longest.get(key, (0.0, now))
        if not longest or now - when > MEMORY_S:
            return least
        return max(least, min(MOST_S, MARGIN * longest + 1.0))


def key_of(raw: bytes, state: int, listening: frozenset[bytes]) -> bytes:
    """State and service: the local port where something listens on it, else the peer's address and port."""
    service = raw[4:6] if raw[4:6] in listening else raw[24:40] + raw[6:8]
    return bytes((state,)) + service
