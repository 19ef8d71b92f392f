import os

import pytest

from capture.report.forked_batches import rendered


def piece(batch: int) -> bytes:
    return f"{batch}:".encode() * (1 << 16)


@pytest.mark.parametrize("batches", [0, 1, 7, 8, 33])
def test_the_pieces_come_in_order(batches: int) -> None:
    assert list(rendered(batches, piece)) == [piece(batch) for batch in range(batches)]


def test_a_child_that_fails_is_replaced() -> None:
    parent = os.getpid()

    def fails_elsewhere(batch: int) -> bytes:
        if batch > 8 and os.getpid() != parent:
            raise MemoryError
        return piece(batch)

    assert list(rendered(20, fails_elsewhere)) == [piece(batch) for batch in range(20)]


def test_leaving_early_leaves_no_child() -> None:
    pieces = rendered(50, piece)
    next(pieces)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
