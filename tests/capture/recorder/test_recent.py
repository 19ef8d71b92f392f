from __future__ import annotations

from capture.recorder.recent import Recent


def test_what_is_older_goes_and_what_is_too_much_is_counted() -> None:
    now = 0.0
    recent: Recent[int] = Recent(10.0, 5, lambda: now)
    recent.add([1, 2])
    now = 10.0
    recent.add([3])
    assert (list(recent), len(recent)) == ([1, 2, 3], 3)
    now = 10.5
    recent.add([])
    assert (list(recent), len(recent), recent.forgotten) == ([3], 1, 0)
    recent.add([4, 5, 6, 7])
    assert (list(recent), recent.forgotten) == ([3, 4, 5, 6, 7], 0)
    recent.add([8])
    assert (list(recent), len(recent), recent.forgotten) == ([4, 5, 6, 7, 8], 5, 1)
    recent.add(list(range(9)))  # a storm in one go is kept, whatever its size
    assert (list(recent), recent.forgotten) == (list(range(9)), 6)
