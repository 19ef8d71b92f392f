"""The facts of a signature: what happened, by event index, before anyone asks why."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from capture.model import TcpState
from capture.verdicts.events.event_codes import ICMP_MASK, ICMP_SHIFT, Context, IcmpClass, Kind, Trait, decoded
from capture.verdicts.events.openings import Openings
from capture.verdicts.events.silences import ORIGINATOR, RESPONDER
from capture.verdicts.events.states import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.verdicts.events.states import Pair


class HistoryFacts(Openings, frozen=True, dict=True):
    """One signature: its events, and questions about them. Indexes are those of `events`."""

    @classmethod
    def of_codes(cls, context: int, codes: Iterable[int]) -> HistoryFacts:
        """From the words of a signature."""
        return cls(Context(context), tuple(decoded(code) for code in codes))

    # --- end ---

    @cached_property
    def fins(self) -> tuple[int | None, int | None]:
        """Each side's first FIN."""
        return self.first(Kind.FIN, ORIGINATOR), self.first(Kind.FIN, RESPONDER)

    def fin_acked(self, side: int) -> int | None:
        """The first packet of the peer that acknowledges this side's FIN."""
        fin = self.fins[side]
        if fin is None:
            return None
        for i in range(fin + 1, len(self.events)):
            if (
                self.events[i].side != side
                and self.events[i].has(Trait.ACKS_FIN)
                and self.events[i].kind is not Kind.RST
            ):
                return i
        return None

    @cached_property
    def both_acked(self) -> int | None:
        """Where both FINs were acknowledged: the connection is over, whatever follows."""
        acks = self.fin_acked(0), self.fin_acked(1)
        return None if acks[0] is None or acks[1] is None else max(acks[0], acks[1])

    @cached_property
    def first_closer(self) -> int | None:
        """The side that closed first by the order of ACK numbers; 2 where the FINs crossed; None without a FIN."""
        a, b = self.fins
        if a is None or b is None:
            return 0 if a is not None else 1 if b is not None else None
        if self.events[a].has(Trait.ACKS_FIN) != self.events[b].has(Trait.ACKS_FIN):
            return 1 if self.events[a].has(Trait.ACKS_FIN) else 0
        if self.heard_of is not None:
            return 0 if a < b else 1  # the one that was captured: the other side's end was acknowledged later
        # neither FIN acknowledges the other. In flight together, unless the second is a mere repeat of one side's end
        return 2

    @cached_property
    def reset(self) -> int | None:
        """The RST that took effect, or None.

        One that its receiver must ignore counts only where nothing better follows and both sides fell silent.
        """
        candidates = [i for i in self.indexes(Kind.RST) if self.both_acked is None or i < self.both_acked]
        candidates = [i for i in candidates if not self._ignored(i) and not self._of_an_older_connection(i)]
        good = [i for i in candidates if not self.events[i].has(Trait.UNACCEPTABLE)]
        return next(iter(good or candidates), None)

    @cached_property
    def ignored_resets(self) -> list[int]:
        """RSTs after which both sides went on; what comes after the end answers late copies, and was not ignored."""
        resets = self.indexes(Kind.RST, before=self.both_acked)
        return [i for i in resets if self._ignored(i) and not self._of_an_older_connection(i)]

    def _ignored(self, rst: int) -> bool:
        event = self.events[rst]
        if self._outlived(rst):
            return True
        if not event.has(Trait.AFTERLIFE):
            return False
        claimed = [i for i in range(rst + 1, len(self.events)) if self._speaks(i) and self.events[i].side == event.side]
        receiver = [
            i for i in range(rst + 1, len(self.events)) if self._speaks(i) and self.events[i].side != event.side
        ]
        if not receiver or not claimed:
            return bool(receiver)
        # what the receiver said before may have been on its way; had it died, it would answer the sender with a RST
        return receiver[-1] > claimed[0] or self.first(Kind.RST, 1 - event.side, after=claimed[0]) is None

    def _outlived(self, rst: int) -> bool:
        """A RST of another's making, after which its receiver went on, and at last reset by itself: a socket that had
        died of the first could not make the RST of a living one."""
        event = self.events[rst]
        if not event.traits & (Trait.FOREIGN | Trait.ODD_ID | Trait.AFTERLIFE):
            return False
        later = [i for i in range(rst + 1, len(self.events)) if self.events[i].side != event.side]
        own = next((i for i in later if self._of_a_living_socket(i)), None)
        if own is None:
            return False
        heard = self.events[own].has(Trait.TAKES) and bool(self.data(event.side, before=own, after=rst))
        return later[0] != own or heard

    def _of_a_living_socket(self, index: int) -> bool:
        others = Trait.BARE | Trait.ANSWER | Trait.CUT | Trait.FOREIGN | Trait.ODD_ID | Trait.UNACCEPTABLE
        return self.events[index].kind is Kind.RST and not self.events[index].traits & others

    def _speaks(self, index: int) -> bool:
        return self.events[index].kind in (Kind.DATA, Kind.FIN, Kind.PROBE)

    def _of_an_older_connection(self, rst: int) -> bool:
        """A RST by the originator to a stray ACK, then its SYN again: the 4-tuple was in TIME-WAIT at the responder."""
        event = self.events[rst]
        return (
            event.side == ORIGINATOR
            and self.first(Kind.SYN_ACK, before=rst) is None
            and self.first(Kind.ACK, RESPONDER, before=rst) is not None
            and self.first(Kind.SYN, ORIGINATOR, after=rst) is not None
        )

    @cached_property
    def time_wait_challenge(self) -> int | None:
        """The RST that cleared an old connection out of TIME-WAIT."""
        return next((i for i in self.indexes(Kind.RST) if self._of_an_older_connection(i)), None)

    @cached_property
    def just_begun(self) -> bool:
        """One SYN, and the capture ended before an answer could be missed, or the SYN be repeated."""
        undecided = Context.QUIET_END | Context.CROWD_OF_SYNS | Context.BUSY_LISTENER | Context.MIDSTREAM
        return len(self.events) == 1 and self.events[0].kind is Kind.SYN and not self.context & undecided

    # --- middle ---

    def states_before(self, at: int) -> Pair:
        """Both sides' states when an event arrived."""
        return walk(self.events[: at + 1], self.midstream, {})[0][at]

    def state_when_last_heard(self, side: int, before: int) -> TcpState:
        """A side's state after its last packet before an index: what came to it later met no socket any more, where a
        bare RST answered that."""
        last = max((i for i in range(before) if self._is_packet_of(side, i)), default=-1)
        return walk(self.events[: last + 1], self.midstream, {})[1][last][side] if last >= 0 else TcpState.CLOSED

    def _is_packet_of(self, side: int, index: int) -> bool:
        return self.events[index].side == side and self.events[index].kind not in (Kind.RST, Kind.ICMP)

    @cached_property
    def icmp(self) -> list[int]:
        """ICMP errors that were not followed by an answer of the peer of the quoted side."""
        found = [i for i in self.indexes(Kind.ICMP) if i not in self.too_big]
        if not found:
            return []
        side = self.events[found[-1]].side
        answers = [
            i for i, e in enumerate(self.events) if e.side != side and e.kind in (Kind.SYN_ACK, Kind.ACK, Kind.DATA)
        ]
        last = max(answers, default=-1)
        return [i for i in found if i > last]

    @cached_property
    def too_big(self) -> list[int]:
        """ICMP errors that say that a packet does not fit the path, and how much does."""
        return [i for i in self.indexes(Kind.ICMP) if self.events[i].traits & ICMP_MASK == IcmpClass.MTU << ICMP_SHIFT]

    def data(self, side: int, before: int | None = None, after: int = -1) -> list[int]:
        """Data events of a side."""
        return self.indexes(Kind.DATA, side, after, before)

    def spoken(self, side: int, before: int | None = None, after: int = -1) -> list[int]:
        """What a side had to say: its data, also with a FIN, but for goodbyes."""
        stop = len(self.events) if before is None else min(before, len(self.events))
        return [i for i in range(after + 1, stop) if self.events[i].side == side and self._substance(self.events[i])]

    def news(self, side: int, after: int) -> list[int]:
        """What a side had to say after an index, without what it only said again."""
        return [i for i in self.spoken(side, after=after) if not self._in_vain(self.events[i])]

    def took_after_fin(self, side: int) -> bool:
        """After its own FIN a side acknowledged what its peer still said: it had closed its sending half only. A closed
        socket answers with a RST."""
        fin = self.fins[side]
        if fin is None or self.heard_of is not None or self.first(Kind.RST, side, after=fin) is not None:
            return False
        return any(not self.events[i].has(Trait.LOST | Trait.PARTING) for i in self.news(1 - side, after=fin))

    def waiting(self, side: int, at: int) -> int | None:
        """This side's last request that the peer had not answered with data up to an index.

        A goodbye is neither request nor answer; a repetition of what was acknowledged asks nothing; of a TLS handshake
        only its first message, the hello, waits for an answer, and nothing of it answers a request.
        """
        theirs = self.spoken(1 - side, before=at + 1)
        if theirs_end := self.fins[1 - side]:
            theirs += self.spoken(1 - side, after=max(at, theirs_end))  # sent before its FIN, and captured after it
        mine = [i for i in self.spoken(side, before=at + 1) if self._asks(i, theirs)]
        if not mine:
            return None
        if not self.events[mine[-1]].has(Trait.HANDSHAKE):
            theirs = [i for i in theirs if not self.events[i].has(Trait.HANDSHAKE)]
        return mine[-1] if not theirs or theirs[-1] < mine[-1] else None

    def _asks(self, index: int, theirs: list[int]) -> bool:
        event = self.events[index]
        if event.has(Trait.REPEAT) and not event.has(Trait.LOST) and event.kind is Kind.DATA:
            return False
        if event.has(Trait.PARTING) and event.kind is Kind.DATA:
            return False  # why it leaves: it asks nothing
        return not event.has(Trait.HANDSHAKE) or not theirs or theirs[0] > index

    def asked_for_sure(self, request: int) -> bool:
        """Whether this data is a request, not an HTTP/2 frame that has no answer, or a remark of unknown content."""
        event = self.events[request]
        return not (event.kind is Kind.DATA and event.has(Trait.SMALL))

    @cached_property
    def only_shook_hands(self) -> bool:
        """All that the originator had to say was its part of a TLS handshake: it asked for nothing yet."""
        data, answers = self.spoken(ORIGINATOR), self.spoken(RESPONDER)
        tls = not answers or self.events[answers[0]].has(Trait.HANDSHAKE)
        return bool(data) and tls and all(self.events[i].has(Trait.HANDSHAKE) for i in data)

    @property
    def shook_by_length(self) -> bool:
        """A handshake was not read: its payloads were not captured, and lengths tell it."""
        return any(e.kind is Kind.DATA and e.has(Trait.HANDSHAKE) and e.has(Trait.SMALL) for e in self.events)

    def refusing_alert(self, side: int) -> int | None:
        """The alert with which a side ended a TLS handshake: the last it said, with nothing of its own but a handshake
        before it."""
        mine, theirs = self.spoken(side), self.spoken(1 - side)
        if not mine or not theirs or not self.events[mine[-1]].has(Trait.PARTING):
            return None
        shook = all(self.events[i].has(Trait.HANDSHAKE) for i in mine[:-1])
        return mine[-1] if shook and self.events[theirs[0]].has(Trait.HANDSHAKE) else None

    @cached_property
    def goodbye_by_length(self) -> bool:
        """What a side said last was not captured; by its length, after a handshake's, it is TLS's close_notify."""
        return any(e.kind is Kind.DATA and e.has(Trait.GOODBYE) and e.has(Trait.SMALL) for e in self.events)

    @cached_property
    def only_knocked(self) -> bool:
        """The originator opened the connection and said nothing in it."""
        return self.whole and not self.data(ORIGINATOR) and not self.spoken(ORIGINATOR)

    def said_why(self, side: int, at: int) -> bool:
        """The last that this side had to say before an index was the reason why it closes."""
        data = self.spoken(side, before=at + 1)
        return bool(data) and self.events[data[-1]].has(Trait.PARTING)

    def said_goodbye(self, side: int, at: int) -> bool:
        """Whether a side had said goodbye before an index."""
        return any(e.side == side and e.has(Trait.GOODBYE) for e in self.events[:at] if e.kind is Kind.DATA)

    def greeted(self, side: int) -> bool:
        """A side began with what asks nothing, HTTP/2's preface: there each request has an answer of its own."""
        said = self.data(side)
        return bool(said) and self.events[said[0]].has(Trait.GOODBYE)

    def closing_gap(self, fin: int) -> int:
        """The longest silence before a FIN and the last words of its side right before it, as a class."""
        side, gap = self.events[fin].side, self.events[fin].gap
        for event in reversed(self.events[:fin]):
            last_word = (
                event.side == side and event.kind is Kind.DATA and event.traits & (Trait.GOODBYE | Trait.PARTING)
            )
            if last_word:
                gap = max(gap, event.gap)
            elif event.kind is not Kind.ACK:
                break
        return gap

    def served(self, side: int, at: int) -> int | None:
        """This side's last data before an index, where it answered data of the peer: an exchange was done.

        Where the capture began later the question itself may be missing. The reason for a close is no service.
        """
        mine = [i for i in self.spoken(side, before=at) if not self.events[i].has(Trait.PARTING)]
        theirs = self.spoken(1 - side, before=at)
        if mine and (self.midstream or (theirs and theirs[0] < mine[-1])):
            return mine[-1]
        return None

    @cached_property
    def window_probed(self) -> tuple[int, int, int] | None:
        """A side whose window was closed so long that it was probed: the side, the closed window, the last probe."""
        for side in (ORIGINATOR, RESPONDER):
            closed = next((i for i, e in enumerate(self.events) if e.side == side and e.has(Trait.ZERO)), None)
            if closed is not None and self.events[closed].kind is not Kind.RST:
                probes = self.indexes(Kind.PROBE, 1 - side, after=closed)
                if probes and self.stalled(side, probes[-1]):
                    return side, closed, probes[-1]
        return None

    @cached_property
    def heard_of(self) -> int | None:
        """The side of which no packet was captured: its events are what the other side's ACKs tell of it."""
        if Context.ONE_SIDED not in self.context:
            return None
        return ORIGINATOR if Context.RESPONDER_ONLY in self.context else RESPONDER
