from __future__ import annotations

from capture.filters import complete, parse
from capture.filters.terms import TERMS


def inserts(text: str, **options: object) -> list[str]:
    return [candidate.insert for candidate in complete(text, **options)]  # type: ignore[arg-type]


def test_terms_are_offered_by_their_first_letters() -> None:
    assert inserts("po") == ["port:"]
    assert inserts("port:80 rese") == ["reset-by:"]
    assert inserts("-cau") == ["cause:"]
    assert inserts("dura") == ["duration:"]
    assert len(inserts("", most=100)) == len(TERMS)


def test_only_terms_that_tell_of_the_rows_are_offered() -> None:
    assert "pid:" not in inserts("p", kind="connection")
    assert "cause:" not in inserts("c", kind="socket")
    assert {"pid:", "port:", "peer:", "process:"} <= set(inserts("p", kind="socket"))


def test_values_are_offered_after_the_colon() -> None:
    assert inserts("state:close") == ["close-wait"]
    assert inserts("state:close_w") == ["close-wait"]
    assert inserts("reset-by:responder,m") == ["middlebox"]
    assert "responder" not in inserts("reset-by:responder,")
    assert inserts("process:", values={"process": ["nginx", "my app"]}) == ["nginx", '"my app"']
    assert inserts("nothing:") == []


def test_a_candidate_replaces_the_word_under_the_cursor() -> None:
    text = "port:80 state:close age:>3s"
    (candidate,) = complete(text, cursor=19)
    whole = text[: candidate.start] + candidate.insert + text[candidate.end :]
    assert whole == "port:80 state:close-wait age:>3s"
    assert parse(whole)


def test_every_offered_value_is_accepted() -> None:
    for term in TERMS.values():
        for value in term.choices():
            parse(f"{term.name}:{value}")
