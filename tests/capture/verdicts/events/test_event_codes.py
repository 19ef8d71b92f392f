from __future__ import annotations

from capture.verdicts.events.event_codes import GAP_SHIFT, SIDE_BIT, Kind, Trait, decoded


def test_a_code_gives_back_what_it_was_made_of() -> None:
    event = decoded(Kind.DATA | Trait.LOST | Trait.REPEAT | (2 << GAP_SHIFT) | SIDE_BIT)
    assert (event.side, event.kind, event.gap) == (1, Kind.DATA, 2)
    assert event.has(Trait.LOST)
    assert event.has(Trait.REPEAT)
    assert not event.has(Trait.ACKS_FIN)
