from __future__ import annotations

import json

from capture.report.document import verdict_document
from capture.report.json_members import members
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table
from tests.capture.verdicts.test_judge import CASES


def test_many_at_once_say_what_each_says_alone() -> None:
    verdicts = judge(flow_table(*[case[0] for case in CASES] * 2))
    chosen = list(range(len(verdicts)))[::-1]
    for i, text in zip(chosen, members(verdicts, chosen), strict=True):
        found = json.loads("{" + text + "}")
        assert found == json.loads(json.dumps(verdict_document(verdicts.of(i))))
        assert list(found) == list(verdict_document(verdicts.of(i)))


def test_none_chosen() -> None:
    assert members(judge(flow_table(CASES[0][0])), []) == []
