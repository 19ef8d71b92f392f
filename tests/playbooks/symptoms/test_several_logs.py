"""What several logs tell of one connection, or of one service at one time."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from playbooks.explain_report import explain_logs, write_json, write_text
from playbooks.symptoms.log_blocks import LogUnreadable

CLIENT = "2026-03-02T10:{at}Z ERROR read tcp 10.0.0.2:{port}->10.0.0.9:9092: read: connection reset by peer\n"
SERVER = "2026-03-02T10:{at}Z ERROR write tcp 10.0.0.9:9092->10.0.0.2:{port}: write: broken pipe\n"


def explained(tmp_path: Path, *logs: str) -> dict[str, Any]:
    paths = [tmp_path / f"{number}.log" for number in range(len(logs))]
    for path, text in zip(paths, logs, strict=True):
        path.write_text(text)
    stream = io.BytesIO()
    write_json(explain_logs([str(path) for path in paths]), stream)
    document: dict[str, Any] = json.loads(stream.getvalue())
    return document


def together(tmp_path: Path, *logs: str) -> list[dict[str, Any]]:
    told = explained(tmp_path, *logs)["together"]
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


REFUSED = "{time} dial tcp 10.0.0.9:5432: connect: connection refused\n"


def refused(form: str, *minutes: int) -> str:
    return "".join(REFUSED.format(time=form.format(m=minute)) for minute in minutes)


def test_a_log_in_local_time_meets_one_in_utc(tmp_path: Path) -> None:
    """A proxy's log has no zone: what both tell of one service agrees an hour apart, and only then."""
    told = explained(
        tmp_path,
        refused("2026-03-02T09:{m}:12Z", 11, 24, 48),
        refused("2026/03/02 10:{m}:13 [error]", 11, 24, 48),
    )
    assert told["clocks"] == {str(tmp_path / "1.log"): -3600}
    assert len(told["together"]) == 3
    stream = io.BytesIO()
    write_text(explain_logs([str(tmp_path / "0.log"), str(tmp_path / "1.log")]), stream)
    assert "moved by -1 h" in stream.getvalue().decode()


def test_one_agreement_moves_no_clock_but_of_a_connection(tmp_path: Path) -> None:
    told = explained(tmp_path, refused("2026-03-02T09:{m}:12Z", 11), refused("2026/03/02 10:{m}:13 [error]", 11))
    assert (told["clocks"], told["together"]) == ({}, [])
    server = SERVER.format(at="11:13", port=41000).replace("T10:", " 15:").replace("Z", "")
    told = explained(tmp_path, CLIENT.format(at="11:12", port=41000), server)
    assert list(told["clocks"].values()) == [-5 * 3600]
    assert [one["by"] for one in told["together"]] == ["connection"]


def test_a_clock_that_agrees_as_it_is_stays(tmp_path: Path) -> None:
    every = range(10, 60, 15)
    told = explained(
        tmp_path, refused("2026-03-02T09:{m}:12Z", *every), refused("2026/03/02 09:{m}:13 [error]", *every)
    )
    assert (told["clocks"], len(told["together"])) == ({}, 4)


def test_syslog_names_no_year_and_klog_neither(tmp_path: Path) -> None:
    (one,) = together(
        tmp_path,
        refused("2024-02-29T10:{m}:12Z", 11),
        refused("Feb 29 10:{m}:13 web-1 app[9]:", 11),
        refused("E0229 10:{m}:14.123456       1 main.go:9]", 11),
    )
    assert one["logs"] == {f"{n}.log": {"connection_refused": 1} for n in range(3)}


def test_a_rotated_log_is_the_same_one(tmp_path: Path) -> None:
    line = refused("2026-03-02T10:{m}:12Z", 11)
    names = ("error.log", "error.log.1", "error.log-20260302.gz", "10.0.0.1", "10.0.0.2")
    paths = [str(tmp_path / name) for name in names]
    for path in paths:
        Path(path).write_bytes(gzip.compress(line.encode()) if path.endswith("gz") else line.encode())

    def told(*chosen: str) -> int:
        stream = io.BytesIO()
        write_json(explain_logs(chosen), stream)
        return len(json.loads(stream.getvalue()).get("together", ()))

    assert told(*paths[:3]) == 0
    assert told(*paths[3:]) == 1  # two hosts' logs
    assert told(paths[0], paths[3], paths[0]) == 1


def test_a_log_named_twice_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(refused("2026-03-02T10:{m}:12Z", 11))
    stream = io.BytesIO()
    write_json(explain_logs([str(log), str(tmp_path / "." / "a.log")]), stream)
    assert json.loads(stream.getvalue())["matches"] == {"connection_refused": 1}


def test_nothing_is_written_where_a_later_log_cannot_be_read(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(refused("2026-03-02T10:{m}:12Z", 11))
    with pytest.raises(LogUnreadable, match="missing"):
        explain_logs([str(log), str(tmp_path / "missing")])
