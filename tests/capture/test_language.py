"""The language of what people read: how it is chosen, and how one catalogue lies over another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from capture.language import (
    Words,
    catalogue,
    choose,
    chosen,
    count_of,
    of_locale,
    overlaid,
    per_language,
    sentences,
    speaking,
)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_SG.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8"}, "en"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN"}, "zh"),
        ({"LANG": "zh_CN.GB18030"}, "en"),
        ({"LANG": "zh_CN.utf8@pinyin"}, "zh"),
    ],
)
def test_the_locale_tells_the_language_as_posix_orders_its_variables(
    environment: dict[str, str], language: str
) -> None:
    assert of_locale(environment) == language


def test_a_language_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr' is no language of this program: en or zh"):
        choose("fr")


def test_another_language_meanwhile_is_this_threads_alone() -> None:
    choose("zh")
    heard: list[str] = []
    with speaking("en"):
        other = threading.Thread(target=lambda: heard.append(chosen()))
        other.start()
        other.join()
        assert chosen() == "en"
    assert (heard, chosen()) == (["zh"], "zh")


def test_an_overlay_replaces_texts_key_by_key_and_rows_by_their_first_key() -> None:
    texts = {"a": "one", "b": {"c": "two", "d": "three"}, "rows": [{"id": "x", "t": "four"}, {"id": "y", "t": "five"}]}
    over = {"b": {"c": "二"}, "rows": {"y": {"t": "五"}}}
    assert overlaid(texts, over) == {
        "a": "one",
        "b": {"c": "二", "d": "three"},
        "rows": [{"id": "x", "t": "four"}, {"id": "y", "t": "五"}],
    }
    assert texts["rows"][1]["t"] == "five"  # type: ignore[index]


def test_a_missing_key_stays_english(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('a = "one"\nb = "two"\n')
    (tmp_path / "t.zh.toml").write_text('b = "二"\n', encoding="utf-8")
    assert catalogue(str(tmp_path), "t") == {"a": "one", "b": "two"}
    choose("zh")
    assert catalogue(str(tmp_path), "t") == {"a": "one", "b": "二"}


def test_sentences_in_the_code_are_overlaid_by_their_english(tmp_path: Path) -> None:
    (tmp_path / "words.zh.toml").write_text('"{n} of {all}" = "{all} 中的 {n}"\n', encoding="utf-8")
    tr = Words(str(tmp_path), "words")
    assert tr("{n} of {all}", n=1, all=2) == "1 of 2"
    choose("zh")
    assert tr("{n} of {all}", n=1, all=2) == "2 中的 1"
    assert tr("not there {n}", n=3) == "not there 3"


def test_what_is_made_once_is_made_once_for_each_language() -> None:
    made: list[str] = []
    ask = per_language(lambda: made.append(chosen()) or chosen())  # type: ignore[func-returns-value]
    assert [ask(), ask()] == ["en", "en"]
    choose("zh")
    assert [ask(), ask()] == ["zh", "zh"]
    assert made == ["en", "zh"]


def test_sentences_stand_behind_each_other_as_the_language_writes_them() -> None:
    assert sentences("One.", "", "Two.") == "One. Two."
    choose("zh")
    assert sentences("一。", "二。") == "一。二。"


def test_a_count_takes_its_plural() -> None:
    assert [count_of(1, "socket"), count_of(1200, "socket"), count_of(2, "process")] == [
        "1 socket",
        "1,200 sockets",
        "2 processes",
    ]


def test_english_plurals() -> None:
    assert [count_of(2, noun) for noun in ("socket", "process", "fix")] == ["2 sockets", "2 processes", "2 fixes"]
    assert count_of(1, "fix") == "1 fix"
