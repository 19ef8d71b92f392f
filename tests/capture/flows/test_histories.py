"""Each distinct series of event codes stands once, in order of first sight."""

import numpy as np

from capture.flows.connection_table import Events


def events(*series: list[int]) -> Events:
    code = np.array([one for each in series for one in each], np.uint16)
    first = np.concatenate([[0], np.cumsum([len(each) for each in series])]).astype(np.int64)
    return Events(code=code, number=code, time=code, gap=code, alone_ttl=code, first=first)


def test_connections_with_the_same_codes_share_a_history() -> None:
    told = events([1, 2, 3], [], [1, 2], [1, 2, 3], [], [3]).histories
    assert told.of.tolist() == [0, 1, 2, 0, 1, 3]
    spans = zip(told.first[:-1].tolist(), told.first[1:].tolist(), strict=True)
    assert [told.code[low:high].tolist() for low, high in spans] == [[1, 2, 3], [], [1, 2], [3]]


def test_many_that_differ_are_all_told_apart() -> None:
    series = [[i >> 8, i & 255] for i in range(20_000)]  # more than there is room for at first
    told = events(*series, *series).histories
    assert told.of.tolist() == [*range(20_000), *range(20_000)]
    assert told.code.tolist() == [one for each in series for one in each]


def test_no_connections_have_no_histories() -> None:
    assert events().histories.first.tolist() == [0]
