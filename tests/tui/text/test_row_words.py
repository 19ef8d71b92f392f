"""The words of a row, explained on the spot."""

from __future__ import annotations

from pathlib import Path

from capture.triage import triage
from tui.rows.connection_rows import ended
from tui.text.row_words import history_in_words, words_of

INCIDENT = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"


def test_each_letter_of_a_history_says_what_and_whose_it_is() -> None:
    said = history_in_words("ShADr")
    assert said.endswith("S SYN (originator), h SYN,ACK (responder), A ACK without data (originator), "
                         "D data (originator), r RST (responder)")  # fmt: skip
    assert "turned round" in history_in_words("^r")
    assert history_in_words("") == ""
    assert history_in_words("S" * 500).endswith(" …")


def test_every_word_of_real_rows_is_explained() -> None:
    (one,) = triage([str(INCIDENT)])
    for connection in map(one.connection, range(len(one.decoded.flows))):
        words = words_of(connection, ended(connection.verdict.ended_by), one.verdicts.vantage.place)
        assert len(words) == 5
        assert {letter.lower() for letter in connection.history} <= set("shadfrcgtwiq^")
