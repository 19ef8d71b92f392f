"""How a connection began: its handshake, as far as it was captured."""

from __future__ import annotations

from functools import cached_property

from capture.verdicts.events.event_codes import Context, Kind, Trait
from capture.verdicts.events.silences import ORIGINATOR, RESPONDER, Silences


class Openings(Silences, frozen=True, dict=True):
    """Finding events by kind, and what the first of them tell. Indexes are those of `events`."""

    def indexes(self, kind: Kind, side: int | None = None, after: int = -1, before: int | None = None) -> list[int]:
        """Events of a kind, of a side or of both, strictly between two indexes."""
        stop = len(self.events) if before is None else before
        return [
            i
            for i in range(after + 1, stop)
            if self.events[i].kind is kind and (side is None or self.events[i].side == side)
        ]

    def first(self, kind: Kind, side: int | None = None, after: int = -1, before: int | None = None) -> int | None:
        """The first such event, or None."""
        found = self.indexes(kind, side, after, before)
        return found[0] if found else None

    def last(self, kind: Kind, side: int | None = None, after: int = -1, before: int | None = None) -> int | None:
        """The last such event, or None."""
        found = self.indexes(kind, side, after, before)
        return found[-1] if found else None

    @property
    def midstream(self) -> bool:
        """No SYN was captured."""
        return Context.MIDSTREAM in self.context

    @cached_property
    def answered(self) -> bool:
        """The responder accepted the SYN, or the capture began later."""
        return self.midstream or any(e.kind in (Kind.SYN_ACK, Kind.DATA, Kind.FIN, Kind.PROBE) for e in self.events)

    @cached_property
    def third_packet(self) -> int | None:
        """The packet that completed the handshake; -1 where the capture began later."""
        if self.midstream:
            return -1
        accepted = self.first(Kind.SYN_ACK)
        if accepted is None:
            return self._after_an_unseen_answer
        early = self.first(Kind.DATA, before=accepted)
        if early is not None and self.first(Kind.SYN) is None:
            return early  # the capture began in the handshake: data was on its way before this SYN,ACK
        side = 1 - self.events[accepted].side
        if self.first(Kind.ACK, side, before=accepted) is not None:
            return accepted  # it was acknowledged, and captured after that
        for i in range(accepted + 1, len(self.events)):
            if self.events[i].side == side and self.events[i].kind in (Kind.ACK, Kind.DATA, Kind.FIN, Kind.PROBE):
                return i
        if self.first(Kind.DATA) is not None:
            return self.first(Kind.DATA)
        return None

    @cached_property
    def _after_an_unseen_answer(self) -> int | None:
        """What only follows a SYN,ACK that was not captured: data, or what the SYN's sender said next."""
        syn, data = self.first(Kind.SYN), self.first(Kind.DATA)
        if syn is None:
            return data
        side = self.events[syn].side
        said = [i for kind in (Kind.ACK, Kind.FIN, Kind.PROBE) for i in self.indexes(kind, side, after=syn)]
        return min([*said, *([] if data is None else [data])], default=None)

    @property
    def opened_by_both(self) -> bool:
        """Both SYNs crossed (RFC 9293 3.5): neither side is the other's client."""
        return self.first(Kind.SYN, ORIGINATOR) is not None and self.first(Kind.SYN, RESPONDER) is not None

    @cached_property
    def accepted_again(self) -> list[int]:
        """SYN,ACKs repeated although the handshake's last ACK had gone out: it, or the data after it, was not taken.
        Each SYN is answered once: where a SYN was sent again, one more SYN,ACK is no repetition. One that comes after
        the responder's first word is a late copy: who speaks has taken the handshake.
        """
        third = self.third_packet
        if third is None or third < 0:
            return []
        asked = sum(at < third for at in self.indexes(Kind.SYN, ORIGINATOR))
        spoke = min((at for kind in (Kind.DATA, Kind.FIN) for at in self.indexes(kind, RESPONDER)), default=None)
        answers = self.indexes(Kind.SYN_ACK, RESPONDER, before=spoke)
        later = [at for at in answers if at > third]
        return later[max(0, asked - (len(answers) - len(later))) :]

    @cached_property
    def unread(self) -> int | None:
        """A packet whose flags were not captured: it may have been anything, an end too."""
        return self.first(Kind.UNREAD)

    @cached_property
    def only_a_refusal(self) -> bool:
        """Nothing but RSTs in the shape of an answer to a SYN: one direction was captured, or it began late."""
        return all(e.kind is Kind.RST and e.has(Trait.ANSWER) and not e.has(Trait.BARE) for e in self.events)

    @cached_property
    def late_syn_ack(self) -> bool:
        """The SYN had to be repeated before it was answered."""
        accepted = self.first(Kind.SYN_ACK)
        return accepted is not None and len(self.indexes(Kind.SYN, ORIGINATOR, before=accepted)) > 1

    @cached_property
    def whole(self) -> bool:
        """The handshake was captured in full, and both directions."""
        handshake = self.first(Kind.SYN) is not None and self.first(Kind.SYN_ACK) is not None
        return handshake and Context.ONE_SIDED not in self.context
