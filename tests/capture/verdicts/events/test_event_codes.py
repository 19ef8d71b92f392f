from __future__ import annotations

from capture.verdicts.events.event_codes import GAP_SHIFT, SIDE_BIT, Kind, Mark, decoded


def test_a_code_gives_back_what_it_was_made_of() -> None:
    event = decoded(Kind.DATA | Mark.LOST | Mark.REPEAT | (2 << GAP_SHIFT) | SIDE_BIT)
    assert (event.side, event.kind, event.gap) == (1, Kind.DATA, 2)
    assert event.has(Mark.LOST)
    assert event.has(Mark.REPEAT)
    assert not event.has(Mark.ACKS_FIN)
