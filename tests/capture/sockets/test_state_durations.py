from __future__ import annotations

from capture.sockets.state_durations import MARGIN, MEMORY_S, MOST_KEYS, MOST_S, Residence, key_of


def test_patience_grows_with_what_was_seen_to_leave_and_is_bounded() -> None:
    residence = Residence()
    assert residence.patience(b"k", 4.0, 0.0) == 4.0
    residence.left(b"k", 3.0, 10.0)
    assert residence.patience(b"k", 4.0, 11.0) == MARGIN * 3.0 + 1
    assert residence.patience(b"other", 4.0, 11.0) == 4.0
    residence.left(b"k", 2.0, 12.0)
    assert residence.patience(b"k", 4.0, 12.0) == MARGIN * 3.0 + 1
    residence.left(b"k", 5000.0, 13.0)
    assert residence.patience(b"k", 4.0, 13.0) == MOST_S
    assert residence.patience(b"k", 4.0, 13.0 + MEMORY_S + 1) == 4.0


def test_memory_is_bounded() -> None:
    residence = Residence()
    for number in range(3 * MOST_KEYS):
        residence.left(number.to_bytes(4, "big"), 1.0, 0.0)
    assert len(residence._longest) <= MOST_KEYS


def test_a_service_is_its_local_port_where_that_is_listened_on() -> None:
    raw = bytearray(72)
    raw[4:6], raw[6:8] = b"\x1f\x90", b"\x01\xbb"
    other = bytearray(raw)
    other[6:8], other[24:28] = b"\xaa\xaa", b"abcd"
    served = frozenset((b"\x1f\x90",))
    assert key_of(bytes(raw), 8, served) == key_of(bytes(other), 8, served)
    assert key_of(bytes(raw), 8, frozenset()) != key_of(bytes(other), 8, frozenset())
    assert key_of(bytes(raw), 8, served) != key_of(bytes(raw), 5, served)
