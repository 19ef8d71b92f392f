"""Go's failed operations (net.OpError): `read tcp A->B: read: connection reset by peer` says what, where and why.

No word beside it changes that; where one wraps another (`readfrom tcp A->B: read tcp C->D: …`) the inner one failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbooks.symptoms.addresses import mentions_of
from playbooks.symptoms.errnos import errno_at

if TYPE_CHECKING:
    from playbooks.symptoms.errnos import Errno
    from playbooks.symptoms.explanation import End

_END = r"(?:\[[\w:.%]+\]|[\w.*-]+)?:\d{1,5}"
_OPERATION = re.compile(
    r"\b(?P<op>dial|proxyconnect|read|write|readfrom|writeto|sendfile|splice|raw-\w+|accept|listen|close|set) "
    rf"tcp[46]? (?P<first>{_END})(?: ?-> ?(?P<second>{_END}))?: (?:[a-z]\w{{2,14}}: )?"
)
_NAME_SERVICE = ":53"
_OWN = ("accept", "listen")  # operations whose one address is this side's
_CONNECTING = ("dial", "proxyconnect")
_ENDED = ("eof", "unexpected eof")
_LATE = ("i/o timeout", "context deadline exceeded", "deadline exceeded", "timeout")
_CLOSED = ("use of closed network connection", "use of closed connection", "use of closed file or network connection")


@dataclass(frozen=True, slots=True)
class Operation:
    """A failed operation: its symptom by itself, the error number if it states one, and where its addresses are."""

    symptom: str
    errno: Errno | None
    connecting: bool
    local: tuple[int, int] | None
    remote: tuple[int, int] | None

    def ends(self, low: str) -> tuple[End | None, End | None]:
        """(local, remote) in the line that the operation was found in; None for a name, or where unknown."""
        return _end(low, self.local), _end(low, self.remote)


def operation_in(low: str) -> Operation | None:
    """The first failed operation of a line (small letters) that says why it failed; of a chain the innermost."""
    if " tcp" not in low:
        return None
    innermost: Operation | None = None
    stop = -1
    for found in _OPERATION.finditer(low):
        if innermost is not None and found.start() > stop:
            break
        stop = found.end()
        innermost = _operation(found, low) or innermost
    return innermost


def _operation(found: re.Match[str], low: str) -> Operation | None:
    reason = _reason(low, found.end())
    if reason is None or (found["second"] or found["first"]).endswith(_NAME_SERVICE):
        return None
    connecting = found["op"] in _CONNECTING
    symptom, errno = reason
    if symptom == "address_in_use" and connecting:  # Windows: no port is left for this peer
        symptom = "no_free_ports"
    elif symptom == "read_timed_out" and connecting:
        symptom = "connect_timed_out"
    elif symptom == "connect_timed_out" and not connecting:
        symptom = "read_timed_out"
    first = found.span("first")
    if found["second"]:
        return Operation(symptom, errno, connecting, first, found.span("second"))
    own = found["op"] in _OWN
    return Operation(symptom, errno, connecting, first if own else None, None if own else first)


def _reason(low: str, start: int) -> tuple[str, Errno | None] | None:
    errno = errno_at(low, start)
    if errno is not None:
        return errno.symptom, errno
    for texts, symptom in (
        (_LATE, "read_timed_out"),
        (_CLOSED, "use_of_closed_connection"),
        (_ENDED, "unexpected_eof"),
    ):
        if any(low.startswith(text, start) and not low[start + len(text) :][:1].isalpha() for text in texts):
            return symptom, None
    return None


def _end(low: str, span: tuple[int, int] | None) -> End | None:
    if span is None:
        return None
    return next((m.end for m in mentions_of(low[span[0] : span[1]])), None)
