"""A capture, decoded and judged: what screens, reports and playbooks read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import IO, TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from capture.decode import DecodedCapture, Progress, decode
from capture.language import tr
from capture.model import (
    COUNT_NAMES,
    Certainty,
    ChainLink,
    Connection,
    Endpoint,
    Finding,
    FirstSeen,
    Side,
    Verdict,
)
from capture.recorder.incident_folder import PACKETS, Incident, is_incident, open_incident
from capture.recorder.recorder_errors import IncidentUnreadable
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import Verdicts, judge
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.numpy_sets import in_groups

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.verdicts.kernel_facts import EventAtSide
    from capture.wire.column_types import I64

SIDES = (Side.ORIGINATOR, Side.RESPONDER)


class Triage(Struct, frozen=True, dict=True):
    """One decoded capture with a verdict for each connection and findings over groups."""

    index: int  # of the capture in the report
    decoded: DecodedCapture
    verdicts: Verdicts
    findings: tuple[Finding, ...]
    kernel_events: Mapping[int, tuple[EventAtSide, ...]] = {}
    """What the kernel said of connections, where an incident was opened: events by connection."""
    incidents: tuple[Incident, ...] = ()
    """The folders that were opened."""

    @cached_property
    def order(self) -> I64:
        """Connection ids, worst first; among equals the earlier one first. Shape (n,)."""
        badness = self.verdicts.badness
        worst = int(badness.max(initial=0))
        return in_groups(worst - badness, worst + 1)

    def endpoint(self, connection: int, side: int) -> Endpoint:
        """One end of a connection; side 0 is the originator."""
        flows = self.decoded.flows
        return Endpoint(flows.addresses.text(int(flows.address[connection, side])), int(flows.port[connection, side]))

    def connection(self, connection: int) -> Connection:
        """Everything about one connection, as a reader is shown it."""
        flows = self.decoded.flows
        scope = flows.scopes.scopes[int(flows.scope[connection])]
        rtt, gap = int(flows.rtt_ns[connection]), int(flows.longest_gap_ns[connection])
        packets, payload, unique = (
            (int(pair[connection, 0]), int(pair[connection, 1]))
            for pair in (flows.packet_count, flows.bytes, flows.unique_bytes)
        )
        return Connection(
            id=connection,
            capture=self.index,
            originator=self.endpoint(connection, 0),
            responder=self.endpoint(connection, 1),
            vlan=scope.vlan,
            tunnel=scope.tunnel,
            first_time=int(flows.lowest_time[connection]),
            last_time=int(flows.highest_time[connection]),
            packets=packets,
            bytes=payload,
            unique_bytes=unique,
            conn_state=flows.conn_state[connection],
            history=flows.history[connection],
            complete_handshake=bool(flows.complete_handshake[connection]),
            first_fin=_first_seen(int(flows.first_fin[connection])),
            first_rst=_first_seen(int(flows.first_rst[connection])),
            counts=(_counts(flows, connection, 0), _counts(flows, connection, 1)),
            rtt_ms=rtt / 1e6 if rtt >= 0 else None,
            longest_gap_ms=gap / 1e6 if gap >= 0 else None,
            verdict=self.verdict(connection),
            chain=self.chain(connection),
            same_as=self.verdicts.relations.same_as.get(connection),
        )

    def chain(self, connection: int) -> ChainLink | None:
        """The proxy's two connections of one request of which this is one."""
        chain = self.verdicts.relations.chains.get(connection)
        if chain is None:
            return None
        proxy = self.endpoint(chain.front, 1).ip
        return ChainLink(chain.front, chain.back, proxy, Certainty.LIKELY if chain.sure else Certainty.POSSIBLE)

    def verdict(self, connection: int) -> Verdict:
        """The verdict of a connection, with what the kernel said of it."""
        verdict = self.verdicts.of(connection)
        events = self.kernel_events.get(connection)
        if events is None:
            return verdict
        from capture.verdicts.kernel_facts import with_kernel_facts

        return with_kernel_facts(verdict, events)


def _counts(flows: FlowTable, connection: int, side: int) -> dict[str, int]:
    return {name: int(flows.counts[name][connection, side]) for name in COUNT_NAMES}


def _first_seen(packed: int) -> FirstSeen | None:
    """Who sent the first such packet, and its number in the file; the table has both in one number."""
    return FirstSeen(by=SIDES[packed & 1], packet=packed >> 1) if packed else None


def judged(decoded: DecodedCapture, index: int = 0, *, groups: bool = True) -> Triage:
    """A decoded capture with its verdicts and, unless nobody asks for groups, findings."""
    verdicts = judge(decoded.flows, decoded.last_time, decoded.notices)
    return Triage(index, decoded, verdicts, tuple(find_groups(decoded.flows, verdicts)) if groups else ())


def triage(
    paths: Sequence[str],
    *,
    join: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    preview: Callable[[Triage], None] | None = None,
    refused: Callable[[CaptureUnreadable], None] | None = None,
    copy: IO[bytes] | None = None,
    groups: bool = True,
    followers: int = 0,
) -> list[Triage]:
    """Decode and judge captures: one Triage for each that a file holds, or one for all with `join`.

    `preview` is called once with the judged first block of the first file, so that a screen has rows at once.
    Of several captures those that can be read are, where `refused` takes the errors of the others; else the first
    CaptureUnreadable is raised. Of joined files those that can be read are, in any case. Raises DecodingCancelled where
    `cancelled` said so. `copy` and `followers` as of `decode`. `groups`: as of `judged`.
    """
    show: Callable[[DecodedCapture], None] | None = None
    if preview is not None:

        def show(first_block: DecodedCapture) -> None:
            preview(judged(first_block))

    done: list[Triage] = []
    for group in [paths] if join else [[path] for path in paths]:
        try:
            captures = decode(
                [packets_of(path) for path in group],
                join=join,
                progress=progress,
                cancelled=cancelled,
                preview=show,
                refused=refused,
                copy=copy,
                followers=followers,
            )
            _require_known_link_type(captures)
            done += [
                with_incidents(judged(one, index, groups=groups), group)
                for index, one in enumerate(captures, len(done))
            ]
        except CaptureUnreadable as error:
            if refused is None:
                raise
            refused(error)
            continue
        show = None
    return done


def packets_of(path: str) -> str:
    """The capture of an incident folder; any other path as it is."""
    return os.path.join(path, PACKETS) if os.path.isdir(path) and is_incident(path) else path


def with_incidents(triage: Triage, paths: Sequence[str]) -> Triage:
    """The triage with the kernel's events of those of its paths that are incidents. Raises CaptureUnreadable."""
    folders = [path for path in paths if os.path.isdir(path)]
    if not folders:
        return triage
    from capture.recorder.events_of_connections import event_of, events_by_connection
    from capture.verdicts.kernel_facts import disagreements

    try:
        incidents = tuple(open_incident(path) for path in folders)
    except IncidentUnreadable as error:
        raise CaptureUnreadable(triage.decoded.path, str(error), "open its packets.pcapng by itself") from error
    entries = (entry for incident in incidents for entry in incident.events())
    events = [event for entry in entries if (event := event_of(entry)) is not None]
    connections = (triage.connection(number) for number in range(len(triage.decoded.flows)))
    spans = ((c.id, c.originator, c.responder, c.first_time / 1e9, c.last_time / 1e9) for c in connections)
    # the comments in its packets are these events once more
    notices = tuple(notice for notice in triage.decoded.notices if notice.code != "comment")
    decoded = replace(triage.decoded, notices=notices)
    events_of = events_by_connection(spans, events)
    findings = (
        *triage.findings,
        *disagreements((number, triage.verdicts.of(number), them) for number, them in events_of.items()),
    )
    return replace(triage, decoded=decoded, kernel_events=events_of, incidents=incidents, findings=findings)


def _require_known_link_type(captures: Sequence[DecodedCapture]) -> None:
    """Raise where no packet could be decoded because no capture of a file has a link type that is known."""
    if not all(map(_links_unknown, captures)):
        return
    decoded = captures[0]
    names = ", ".join(decoded.link_types)
    raise CaptureUnreadable(
        decoded.path,
        tr("its link type ({names}) is not decoded", names=names),
        "capture on another interface, or with -i any",
    )


def _links_unknown(decoded: DecodedCapture) -> bool:
    unknown = sum(notice.code == "unsupported_link_type" for notice in decoded.notices)
    return unknown > 0 and unknown >= len(decoded.link_types) and not decoded.tcp_packets
