"""The report's documents on real recordings: the schema, the fast lines against the plain document, each format."""

import io
import json
import pathlib

import pytest

from capture.report.document import seconds
from capture.report.formats import write_report
from capture.report.json_lines import connection_lines
from capture.triage import Triage, triage
from tests.oracle.document import connection_document

LAB = pathlib.Path(__file__).parents[2] / "data" / "lab"
CAPTURES = sorted(LAB.glob("*/*.pcap"))


@pytest.fixture(scope="module")
def triages() -> list[Triage]:
    return triage([str(path) for path in CAPTURES])


def written(triages: list[Triage], format: str, **options: object) -> str:
    stream = io.BytesIO()
    write_report(triages, format, stream, **options)  # type: ignore[arg-type]
    return stream.getvalue().decode()


def test_json_follows_the_schema(triages: list[Triage]) -> None:
    report = json.loads(written(triages, "json"))
    assert report["schema"] == "tcptriage.report/1"
    assert len(report["captures"]) == len(CAPTURES)
    assert len(report["connections"]) == sum(len(t.decoded.flows) for t in triages)
    for connection in report["connections"]:
        assert connection["ended_by"] in {"fin", "rst", "timeout", "icmp", "open"}
        assert set(connection["errors"]) == {"originator", "responder"}
        assert connection["counts"]["originator"].keys() >= {"syn", "fin", "rst", "lost_segment"}


def test_lines_from_columns_say_what_the_plain_document_says(triages: list[Triage]) -> None:
    for one in triages:
        chosen = range(len(one.decoded.flows))
        lines = [json.loads(line) for line in b"".join(connection_lines(one, chosen)).splitlines()]
        plain = [json.loads(json.dumps(connection_document(one.connection(i)))) for i in chosen]
        assert lines == plain
        assert [list(line) for line in lines] == [list(document) for document in plain]


def test_jsonl_is_one_object_a_line(triages: list[Triage]) -> None:
    lines = written(triages, "jsonl").splitlines()
    assert {json.loads(line)["capture"] for line in lines} == {
        index for index, one in enumerate(triages) if len(one.decoded.flows)
    }


def test_names_of_a_printed_capture_are_quoted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "printed").write_bytes(
        b'12:00:00.000001 IP a"b\\c\x01.5 > 10.0.0.2.80: Flags [S], seq 1, win 1, length 0\n'
        b"12:00:00.000002 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [R.], seq 0, ack 2, win 0, length 0\n"
    )
    found = triage([str(tmp_path / "printed")])
    ends = [connection["originator"]["ip"] for connection in json.loads(written(found, "json"))["connections"]]
    assert ends == ['a"b\\c\\x01', "10.0.0.1"]  # port 80 serves in the first


@pytest.mark.parametrize("format", ["text", "md"])
def test_readable_formats_tell_the_story(triages: list[Triage], format: str) -> None:
    page = written(triages, format)
    assert "write_after_peer_close" in page
    assert "aborted" in page
    assert "\x1b" not in page


def test_anonymized_reports_hold_no_address_of_the_capture(triages: list[Triage]) -> None:
    from capture.anonymizing import Anonymizer

    for format in ("json", "md"):
        page = written(triages, format, anonymize=Anonymizer())
        assert "10.45." not in page


def test_a_selection_is_kept(triages: list[Triage]) -> None:
    page = written(triages, "jsonl", selections=[[] for _ in triages[1:]] + [[0]])
    assert len(page.splitlines()) == 1


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(None, None), (0, "0.000000000"), (1_700_000_000_000_000_001, "1700000000.000000001"), (-1, "-0.000000001")],
)
def test_seconds_keep_all_nine_decimals(nanoseconds: int | None, text: str | None) -> None:
    assert seconds(nanoseconds) == text


def test_a_file_that_went_away_takes_the_ladders_only(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "gone.pcap"
    path.write_bytes(CAPTURES[0].read_bytes())
    found = triage([str(path)])
    path.unlink()
    text = written(found, "md")
    assert "## Connection" in text
    assert "gone.pcap: no such file" in text
