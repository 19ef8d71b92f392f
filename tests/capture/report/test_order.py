import numpy as np

from capture.report.formats import Order


def test_an_order_is_a_sequence_of_plain_numbers() -> None:
    order = Order(np.array([3, 1, 2]))
    assert (len(order), order[0], order[-1], order[:2], list(order)) == (3, 3, 2, [3, 1], [3, 1, 2])
    assert type(order[0]) is int
    assert not Order(np.zeros(0, np.int64))
