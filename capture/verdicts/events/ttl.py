"""The usual TTL of each sender: a RST with another one was sent by somebody else.

Within a connection its own packets tell, and the engine marks such a RST. Where the claimed sender sent nothing but the
RST (a refused connect), the host's other connections do: that needs all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from capture.model import TcpFlags
from capture.verdicts.events.event_codes import Trait
from capture.wire.numpy_sets import among, distinct

if TYPE_CHECKING:
    from capture.flows.connection_table import Events, FlowTable
    from capture.wire.column_types import I64

RST = int(TcpFlags.RST)


def with_foreign_marks(flows: FlowTable) -> Events:
    """The events, with FOREIGN on RSTs that are alone and whose TTL is none of their host's others."""
    events = flows.events
    rows = np.flatnonzero(events.alone_ttl)
    if not len(rows):
        return events
    connection = np.searchsorted(events.first, rows, side="right") - 1
    hosts = flows.address[connection, (events.code[rows] >> 15).astype(np.intp)]
    known, pairs = _opening(flows)
    unlike = among(hosts, known) & ~among(hosts * 256 + events.alone_ttl[rows], pairs)
    if not unlike.any():
        return events
    code = events.code.copy()
    code[rows[unlike]] |= np.uint16(Trait.FOREIGN)
    return replace(events, code=code)


def _opening(flows: FlowTable) -> tuple[I64, I64]:
    """Hosts, and pairs of host and TTL, of the first two packets of each connection, RSTs left out."""
    opening = flows.opening
    plain = ((opening.flags & RST) == 0) & (opening.ttl > 0)
    hosts = np.take_along_axis(flows.address, opening.side.astype(np.intp), axis=1)[plain]
    return distinct(hosts), distinct(hosts * 256 + opening.ttl[plain])
