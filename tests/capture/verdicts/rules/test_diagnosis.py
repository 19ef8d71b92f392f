from __future__ import annotations

from capture.verdicts.rules.diagnosis import Proof, proofs


def test_proofs_come_in_order_and_once() -> None:
    assert proofs((5, "fin"), (2, "syn"), (None, "reset"), (-1, "third"), (5, "reset")) == (
        Proof(2, "syn"),
        Proof(5, "fin"),
    )
