"""What several logs tell of one connection, or of one service at one time."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from playbooks.explain_report import explain_logs, write_json, write_text

CLIENT = "2026-03-02T10:{at}Z ERROR read tcp 10.0.0.2:{port}->10.0.0.9:9092: read: connection reset by peer\n"
SERVER = "2026-03-02T10:{at}Z ERROR write tcp 10.0.0.9:9092->10.0.0.2:{port}: write: broken pipe\n"


def together(tmp_path: Path, *logs: str) -> list[dict[str, Any]]:
    paths = [tmp_path / f"{number}.log" for number in range(len(logs))]
    for path, text in zip(paths, logs, strict=True):
        path.write_text(text)
    stream = io.BytesIO()
    write_json(explain_logs([str(path) for path in paths]), stream)
    told: list[dict[str, Any]] = json.loads(stream.getvalue()).get("together")
    return [one | {"logs": {Path(log).name: said for log, said in one["logs"].items()}} for one in told]


def test_both_ends_of_one_connection(tmp_path: Path) -> None:
    (one,) = together(tmp_path, CLIENT.format(at="11:12", port=41000), SERVER.format(at="11:13", port=41000))
    assert (one["by"], one["shared"]) == ("connection", "10.0.0.2:41000 - 10.0.0.9:9092")
    assert one["logs"] == {"0.log": {"connection_reset": 1}, "1.log": {"broken_pipe": 1}}
    assert (one["first_time"], one["last_time"]) == ("2026-03-02T10:11:12+00:00", "2026-03-02T10:11:13+00:00")


def test_a_port_that_is_used_again_is_another_connection(tmp_path: Path) -> None:
    told = together(tmp_path, CLIENT.format(at="11:12", port=41000), SERVER.format(at="13:13", port=41000))
    assert told == []  # 121 s apart
    assert len(together(tmp_path, CLIENT.format(at="11:12", port=41000), SERVER.format(at="13:12", port=41000))) == 1


def test_one_service_at_one_time(tmp_path: Path) -> None:
    refused = "2026-03-02T10:11:{s}Z dial tcp 10.0.0.9:5432: connect: connection refused\n"
    (one,) = together(tmp_path, refused.format(s="12"), refused.format(s="17"))
    assert (one["by"], one["shared"]) == ("service", "10.0.0.9:5432")
    assert together(tmp_path, refused.format(s="12"), refused.format(s="18")) == []


def test_a_proxy_and_the_application_behind_it(tmp_path: Path) -> None:
    nginx = (
        "2026/03/02 10:11:12 [error] 31#31: *9 upstream prematurely closed connection while reading upstream"
        ', client: 10.0.0.1, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.0.9:8080/"\n'
    )
    app = "2026-03-02T10:11:12Z write tcp 10.0.0.9:8080->10.0.0.3:51000: write: broken pipe\n"
    (one,) = together(tmp_path, nginx, app)
    assert (one["by"], one["shared"]) == ("service", "10.0.0.9:8080")
    assert one["logs"] == {"0.log": {"upstream_closed": 1}, "1.log": {"broken_pipe": 1}}


def test_one_log_tells_nothing_together(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(CLIENT.format(at="11:12", port=41000) + SERVER.format(at="11:13", port=41000))
    stream = io.BytesIO()
    write_json(explain_logs([str(log)]), stream)
    assert "together" not in json.loads(stream.getvalue())


def test_the_text_names_the_logs(tmp_path: Path) -> None:
    together(tmp_path, CLIENT.format(at="11:12", port=41000), SERVER.format(at="11:13", port=41000))
    stream = io.BytesIO()
    write_text(explain_logs([str(tmp_path / "0.log"), str(tmp_path / "1.log")]), stream)
    assert "connection 10.0.0.2:41000 - 10.0.0.9:9092" in stream.getvalue().decode()
