"""Lines end where Python's splitlines ends them, however the bytes come in pieces and whatever their encoding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playbooks.symptoms.line_ends import lines_of, with_newlines

TEXTS = st.text(alphabet="ab \n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029é中", max_size=40)


@given(TEXTS, st.lists(st.integers(1, 5), max_size=20))
def test_every_end_is_a_newline_however_the_bytes_are_cut(text: str, widths: list[int]) -> None:
    raw = text.encode()
    pieces = []
    for width in widths:
        pieces.append(raw[:width])
        raw = raw[width:]
    whole = b"".join(with_newlines([*pieces, raw]))
    if not any(len(piece.decode(errors="ignore").encode()) != len(piece) for piece in pieces):
        assert whole.decode().splitlines() == text.splitlines()
    assert b"\r" not in whole


def test_letters_of_other_encodings_are_no_ends() -> None:
    raw = "连接被对方重设".encode("gb18030") + b" \xc2\x85 read: \xc1\xac\xbd\xd3\n"
    assert b"".join(with_newlines([raw])) == raw


def test_an_empty_text_is_one_empty_line() -> None:
    assert lines_of("") == [""]
    assert lines_of("a\rb\r\nc\x85d") == ["a", "b", "c", "d"]


def test_a_return_at_the_end_of_a_piece_is_one_end_of_a_line() -> None:
    pieces = [b"a\r", b"\nb\r", b"c\r", b"", b"\n\r"]
    assert b"".join(with_newlines(pieces)) == b"a\nb\nc\n\n"
