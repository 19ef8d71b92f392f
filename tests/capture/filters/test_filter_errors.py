from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.filters import FilterError, parse
from tests.capture.filters.rows import Row, connections

WRONG = [
    ("prot:80", "prot", "did you mean port?"),
    ("port:8080 caus:aborted", "caus", "cause"),
    ("zzz:1", "zzz", "terms are state, port"),
    ("port:", "port:", "missing after port:"),
    ("port:80,", "80,", "comma"),
    ("port:,80", ",80", "comma"),
    ("port:99999", "99999", "0 to 65535"),
    ("port:eighty", "eighty", "is no port"),
    ("port:80-", "80-", "is no port"),
    ("port:-1", "-1", "is no port"),
    ("peer:10.0.0.999", "10.0.0.999", "no address"),
    ("peer:10.0.0.0/33", "10.0.0.0/33", "no address"),
    ("peer:example.com", "example.com", "no address"),
    ("peer:[::1:80", "[::1:80", "no address"),
    ("10.0.0.999", "10.0.0.999", "no address"),
    ("state:closewait,bogus", "bogus", "is no state"),
    ("state:close-wat", "close-wat", "did you mean close-wait"),
    ("cause:abortd", "abortd", "aborted"),
    ("reset-by:server", "server", "originator, responder, middlebox, none"),
    ("certainty:sure", "sure", "certain"),
    ("age:30s", "30s", "age:>30s or age:<30s"),
    ("age:>30 parsecs", ">30", None),
    ("age:>30x", ">30x", "no duration"),
    ("age:>", ">", "no duration"),
    ("bytes:<many", "<many", "no number of bytes"),
    ("bytes:<1q", "<1q", "no number of bytes"),
    ("pid:nginx", "nginx", "no number"),
    ("handshake:maybe", "maybe", "yes or no"),
    ("port=80", "port=80", "port:80"),
    ("age>30s", "age>30s", "age:>30s"),
    ("port:80 or port:81", "or", "a,b inside a term is or"),
    ("port:80 && port:81", "&&", "joined by and"),
    ("(port:80", "(port:80", "no parentheses"),
    ("-", "-", "minus"),
    ("--port:80", "--port:80", "minus"),
    ('process:"open', '"open', "never closed"),
]


@pytest.mark.parametrize(("text", "word", "hint"), WRONG, ids=[text for text, _, _ in WRONG])
def test_a_wrong_filter_points_at_the_word(text: str, word: str, hint: str | None) -> None:
    if hint is None:
        parse(text)
        return
    with pytest.raises(FilterError) as caught:
        parse(text)
    error = caught.value
    assert error.word == word == text[error.start : error.end]
    assert hint in error.message
    assert "\n" not in str(error)
    assert error.word in str(error)


def test_carets_stand_under_the_word() -> None:
    with pytest.raises(FilterError) as caught:
        parse("port:80 caus:aborted")
    lines = caught.value.pointed.splitlines()
    assert lines[0] == "port:80 caus:aborted"
    assert lines[1] == "        ^^^^"


def attempt(text: str) -> None:
    """Parse; a complaint must point into the text."""
    error = None
    try:
        parsed = parse(text)
    except FilterError as caught:
        error = caught
    else:
        parsed.matches_socket(Row())
        parsed.matches_connection(connections()[0])
    assert error is None or 0 <= error.start < error.end <= len(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    attempt(text)


PIECES = ["port", ":", "80", "-", ",", '"', "10.0.0.1", "/8", "[", "]", ">", " ", "cause", "age", "..", "k", "*", "::"]


@given(st.lists(st.sampled_from(PIECES)))
def test_any_pieces_are_a_filter_or_a_filter_error(pieces: list[str]) -> None:
    attempt("".join(pieces))
