from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from capture.model import Certainty
from capture.verdicts import catalogue
from capture.verdicts.events.event_codes import Context
from capture.verdicts.rules.verdict_template import make

CODES = st.integers(0, 0xFFFF).map(lambda code: (code & ~0xF) | (1 + (code & 0xF) % 7))


@given(st.integers(0, 0x3FF), st.lists(CODES, max_size=24))
@settings(max_examples=600, deadline=None)
def test_any_signature_has_a_verdict(context: int, codes: list[int]) -> None:
    """No packets, in whatever order, bring the state machine or the rules down."""
    template = make([context, *codes])
    causes = catalogue.causes()
    assert template.diagnosis.cause in causes
    assert set(template.diagnosis.alternatives) <= causes.keys()
    assert len(template.states) == len(codes)
    assert all(0 <= proof.at < len(codes) for proof in template.diagnosis.proofs)
    if Context.MIDSTREAM in Context(context):
        assert template.diagnosis.certainty is not Certainty.CERTAIN or template.history.whole
