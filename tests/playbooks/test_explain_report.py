from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from playbooks.explain_report import Explanation, explain_logs, explain_texts, write_json, write_text

KEYS = ["line", "text", "symptom", "errno", "source", "local", "remote", "time", "playbook", "meaning"]
ACCESS = '10.0.0.{c} - - [02/Jan/2024:15:{m:02}:05 +0000] "GET {path} HTTP/1.1" {status} 0 "-" "curl"\n'
PANIC = (
    "2024/01/02 15:{m:02}:06 [Recovery] panic recovered:\n"
    "write tcp 10.0.0.5:8080->10.0.0.9:5000: write: broken pipe\nGET {path} HTTP/1.1\nHost: x\n\n"
)


def document(explanation: Explanation) -> dict[str, Any]:
    stream = io.BytesIO()
    write_json(explanation, stream)
    told: dict[str, Any] = json.loads(stream.getvalue())
    return told


def text_of(explanation: Explanation) -> str:
    stream = io.BytesIO()
    write_text(explanation, stream)
    return stream.getvalue().decode()


def test_arguments_keep_lines_without_a_symptom() -> None:
    told = document(explain_texts(["read tcp 10.0.0.1:5->10.0.0.5:80: i/o timeout", "all is well\nError: write EPIPE"]))
    assert told["schema"] == "tcptriage.explain/1"
    assert [list(line) for line in told["lines"]] == [KEYS] * 3
    assert [line["line"] for line in told["lines"]] == [1, 2, 3]
    assert [line["symptom"] for line in told["lines"]] == ["read_timed_out", None, "broken_pipe"]
    assert told["lines"][0]["local"] == {"ip": "10.0.0.1", "port": 5}
    assert told["lines"][1]["remote"] is None
    assert told["matches"] == {"read_timed_out": 1, "broken_pipe": 1}


def test_a_log_leaves_ordinary_lines_out_and_counts(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        "".join(ACCESS.format(c=1 + i % 2, m=i // 5, path="/a", status=499 if i % 5 else 200) for i in range(10))
    )
    told = document(explain_logs([str(log)]))
    assert told["matches"] == {"client_closed_request": 8}
    assert [line["line"] for line in told["lines"]] == [2, 3, 4, 5, 7, 8, 9, 10]
    summary = told["summary"]
    assert summary["lines"] == 10
    assert {p["peer"]: p["count"] for p in summary["peers"]} == {"10.0.0.1": 4, "10.0.0.2": 4}
    assert [m["count"] for m in summary["minutes"]] == [4, 4]


def test_access_log_and_panics_are_joined_by_time_and_request(tmp_path: Path) -> None:
    access, app = tmp_path / "access.log", tmp_path / "app.log"
    access.write_text(
        ACCESS.format(c=7, m=1, path="/slow", status=499)
        + ACCESS.format(c=7, m=1, path="/other", status=499)
        + ACCESS.format(c=7, m=9, path="/slow", status=499)
    )
    app.write_text(PANIC.format(m=1, path="/slow") + PANIC.format(m=5, path="/slow"))
    told = document(explain_logs([str(access), str(app)]))
    (join,) = told["summary"]["joins"]
    assert join == {
        "minute": "2024-01-02T15:01",
        "by": "path",
        "shared": "/slow",
        "proxy": {"client_closed_request": 1},
        "application": {"broken_pipe": 1},
    }
    assert {line["log"] for line in told["lines"]} == {str(access), str(app)}
    assert "/slow" in text_of(explain_logs([str(access), str(app)]))


def test_text_makes_control_characters_visible() -> None:
    told = text_of(explain_texts(["\x1b]0;evil\x07Error: read ECONNRESET \u202e", "nothing"]))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "connection_reset" in told
    assert "playbook: connection-reset (tcptriage playbook connection-reset)" in told
    assert "no symptom known" in told


def test_a_lone_surrogate_is_no_trouble() -> None:
    told = document(explain_texts(["Error: read ECONNRESET \udcff"]))
    assert told["lines"][0]["symptom"] == "connection_reset"


def test_an_empty_log_is_an_empty_document(tmp_path: Path) -> None:
    log = tmp_path / "empty.log"
    log.write_text("")
    assert document(explain_logs([str(log)]))["lines"] == []
    assert "0 lines read" in text_of(explain_logs([str(log)]))


TABLE = (
    "$ ss -tan\nState Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
    + "".join(f"CLOSE-WAIT 1 0 [::ffff:192.0.2.61]:4647 198.51.100.86:{50510 + n}\n" for n in range(4))
    + "LISTEN 512 511 0.0.0.0:80 0.0.0.0:*\n"
)


def test_a_table_among_lines_becomes_sockets_and_findings(tmp_path: Path) -> None:
    log = tmp_path / "pasted.txt"
    log.write_text(f"{TABLE}Error: read ECONNRESET\n")
    for explanation in (explain_logs([str(log)]), explain_texts([log.read_text()])):
        told = document(explanation)
        assert told["states"] == {"CLOSE-WAIT": 4, "LISTEN": 1}
        assert [(one["code"], one["playbook"]) for one in told["findings"]] == [
            ("accept_queue_full", "accept-queue"),
            ("close_wait_pile", "close-wait"),
        ]
        assert told["sockets"][0]["local"] == {"ip": "192.0.2.61", "port": 4647}
        assert told["sockets"][0]["line"] == 3
        assert told["matches"] == {"connection_reset": 1}
    for explanation in (explain_logs([str(log)]), explain_texts([log.read_text()])):
        told_text = text_of(explanation)
        assert "4 connections in CLOSE-WAIT at port 4647" in told_text
        assert "[tcptriage playbook close-wait]" in told_text
        assert "connection_reset" in told_text


def test_lines_without_a_table_have_no_keys_of_one() -> None:
    assert "sockets" not in document(explain_texts(["Error: read ECONNRESET", "LISTEN to me"]))


def test_tables_of_several_logs_name_their_log(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text(TABLE)
    second.write_text("TcpExtListenOverflows 7 0.0\n")
    told = document(explain_logs([str(first), str(second)]))
    assert {one["log"] for one in told["findings"]} == {str(first), str(second)}
    assert told["counters"] == {"ListenOverflows": 7}
