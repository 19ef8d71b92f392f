from __future__ import annotations

import json

from capture.model import Verdict
from capture.verdicts.judging import judge
from capture.verdicts.writing import members
from tests.capture.verdicts.notation import flow_table
from tests.capture.verdicts.test_judging import CASES


def document(verdict: Verdict) -> dict[str, object]:
    return {
        "closed_first": verdict.closed_first,
        "ended_by": verdict.ended_by,
        "reset_by": verdict.reset_by,
        "cause": verdict.cause,
        "certainty": verdict.certainty,
        "alternatives": list(verdict.alternatives),
        "decide_by": verdict.decide_by,
        "sentence": verdict.sentence,
        "evidence": [{"packet": e.packet, "text": e.text} for e in verdict.evidence],
        "errors": {
            side.value: {"connect": calls.connect, "read": calls.read, "write": calls.write}
            for side, calls in verdict.errors.items()
        },
        "playbook": verdict.playbook,
    }


def test_many_at_once_say_what_each_says_alone() -> None:
    verdicts = judge(flow_table(*[case[0] for case in CASES] * 2))
    chosen = list(range(len(verdicts)))[::-1]
    for i, text in zip(chosen, members(verdicts, chosen), strict=True):
        found = json.loads("{" + text + "}")
        assert found == json.loads(json.dumps(document(verdicts.of(i))))
        assert list(found) == list(document(verdicts.of(i)))


def test_none_chosen() -> None:
    assert members(judge(flow_table(CASES[0][0])), []) == []
