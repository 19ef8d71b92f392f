from __future__ import annotations

import pytest

from playbooks.symptoms.times import time_of

TIMES = [
    ("2024-01-02T15:04:05.123Z error", "2024-01-02T15:04:05.123+00:00"),
    ("2024-01-02 15:04:05,123 ERROR", "2024-01-02T15:04:05.123"),
    ("2024/01/02 15:04:05 [error]", "2024-01-02T15:04:05"),
    ("[GIN] 2024/01/02 - 15:04:05 | 200", "2024-01-02T15:04:05"),
    ("x - - [02/Jan/2024:15:04:05 +0100] y", "2024-01-02T15:04:05+01:00"),
    ("[06/Feb/2009:12:14:14.655]", "2009-02-06T12:14:14.655"),
    ("[Tue Jan 02 15:04:05.123456 2024] [core]", "2024-01-02T15:04:05.123456"),
    ("1:M 02 Jan 2024 15:04:05.000 # x", "2024-01-02T15:04:05.000"),
    ("2024-01-02 15:04:05.123 UTC [1] LOG", "2024-01-02T15:04:05.123+00:00"),
    ("Jan  2 15:04:05 host sshd[1]:", "Jan  2 15:04:05"),
    ("E0102 15:04:05.123456       1 reflector.go", "0102 15:04:05.123456"),
    ("[12345.678901] TCP: x", "12345.678901"),
    ('{"ts":1704207845.5,"msg":"x"}', "2024-01-02T15:04:05.500+00:00"),
    ("no time here 12:3", None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES, ids=[text for text, _ in TIMES])
def test_time(text: str, expected: str | None) -> None:
    assert time_of(text) == expected
