"""Whole logs: every line that is recognised alone is found in a log, whatever its packing."""

from __future__ import annotations

import bz2
import gzip
import lzma
from functools import cache
from pathlib import Path

import pytest

from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.log_blocks import LONGEST_LINE, LogUnreadable, blocks_of
from playbooks.symptoms.log_scan import scan_log
from tests.playbooks.symptoms.samples import all_samples, ordinary_lines

LINES = [s.text for s in all_samples()]
MIXED = [line for pair in zip(LINES, ordinary_lines(len(LINES)), strict=True) for line in pair]


def found(path: Path) -> list[tuple[int, str]]:
    return [(match.line, match.explained.symptom) for match in scan_log(str(path))]


@cache
def symptom(line: str) -> str | None:
    explained = explain_line(line)
    return explained.symptom if explained is not None else None


def expected(lines: list[str]) -> list[tuple[int, str]]:
    return [(number, code) for number, line in enumerate(lines, 1) if (code := symptom(line)) is not None]


def test_a_log_tells_what_its_lines_tell_alone(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("\n".join(MIXED) + "\n", "utf-8")
    assert found(log) == expected(MIXED)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\x85", "\x0c", "\u2028"])
def test_packings(tmp_path: Path, ending: str) -> None:
    import zstandard

    text = ending.join(MIXED).encode()
    packed = {"plain.log": text, "wide.log": ending.join(MIXED).encode("utf-16")}
    if ending == "\n":  # what is unpacked is read like the plain one
        packed["app.log.gz"] = gzip.compress(text)
        packed["app.log.zst"] = zstandard.compress(text)
        packed["two.gz"] = gzip.compress(text[:5000]) + gzip.compress(text[5000:])
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
        assert found(tmp_path / name) == expected(MIXED), name


def test_a_cut_gzip_log_tells_what_can_be_read(tmp_path: Path) -> None:
    log = tmp_path / "cut.gz"
    data = gzip.compress("\n".join(MIXED * 4).encode())
    log.write_bytes(data[: len(data) * 2 // 3])
    some = found(log)
    assert len(some) > 1000
    assert some[:-1] == expected(MIXED * 4)[: len(some) - 1]  # the last line may be cut, too


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8bgarbage that is no gzip at all")
    for path in (tmp_path / "missing.log", tmp_path, tmp_path / "bad.gz"):
        with pytest.raises(LogUnreadable) as caught:
            list(scan_log(str(path)))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_hostile_bytes_and_endless_lines(tmp_path: Path) -> None:
    log = tmp_path / "hostile.log"
    endless = b"x" * (LONGEST_LINE * 6) + b"\n"
    log.write_bytes(b"\x00\xff\xfe broken pipe\n" + endless + b"read: connection reset by peer\n\n\n\x1b[2J timed\n")
    assert found(log) == [(1, "broken_pipe"), (3, "connection_reset")]
    assert max(map(len, blocks_of(str(log)))) < LONGEST_LINE * 8


def test_a_line_without_a_time_takes_that_of_a_line_before(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_text("2024-01-02 15:04:05 ERROR request failed\n\tat a.b\njava.io.IOException: Broken pipe\n")
    (match,) = scan_log(str(log))
    assert match.near == "2024-01-02T15:04:05"
    assert match.explained.time is None


def test_a_recovered_panic_tells_its_request(tmp_path: Path) -> None:
    log = tmp_path / "gin.log"
    log.write_text(
        "2024/01/02 15:04:05 [Recovery] panic recovered:\n"
        "write tcp 10.0.0.5:8080->10.0.0.9:5000: write: broken pipe\nGET /api/report HTTP/1.1\nHost: x\n\n"
    )
    (match,) = scan_log(str(log))
    assert (match.request, match.near) == ("/api/report", "2024-01-02T15:04:05")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "java.io.IOException: 远程主机强迫关闭了一个现有的连接。"),
        ("gb18030", "服务 10.0.0.5:8080 -> write tcp: broken pipe 写入失败"),
        ("big5", "遠端主機已強制關閉一個現存的連線"),
        ("cp1252", "die Verbindung wurde vom Kommunikationspartner zurückgesetzt"),
        ("cp1252", "requête refusée: read: connection reset by peer (café)"),
        ("cp1251", "Соединение разорвано другой стороной".lower()),
        ("utf-16-le", "read: connection reset by peer"),
        ("utf-16-be", "read: connection reset by peer"),
    ],
)
def test_other_encodings_lose_nothing(tmp_path: Path, encoding: str, text: str) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(f"a Grüße 1\n{text}\n".encode(encoding, "replace"))
    (match,) = scan_log(str(log))
    assert match.line == 2
    assert match.explained == explain_line(text)


@pytest.mark.parametrize("share", [1, 2, 30])
def test_dense_and_sparse_logs_tell_the_same(tmp_path: Path, share: int) -> None:
    errors = LINES[:: min(share, 5)]
    ordinary = ordinary_lines(len(errors) * (share - 1))
    lines = [
        line for n, error in enumerate(errors) for line in (error, *ordinary[n * (share - 1) : (n + 1) * (share - 1)])
    ]
    log = tmp_path / "app.log"
    log.write_text("\n".join(lines * (3 if share == 1 else 1)) + "\n", "utf-8")
    assert found(log) == expected(lines * (3 if share == 1 else 1))


@pytest.mark.parametrize("packed", [lzma.compress(b"broken pipe\n"), bz2.compress(b"broken pipe\n"), b"PK\x03\x04rest"])
def test_a_log_that_is_packed_otherwise_is_not_one_without_errors(packed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(packed)
    with pytest.raises(LogUnreadable, match="it is packed with"):
        list(scan_log(str(path)))


def test_a_text_beyond_ascii_may_begin_with_a_capital(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    for encoding in ("utf-8", "cp1251"):
        log.write_bytes("2026-03-02 read: Соединение разорвано другой стороной\n".encode(encoding))
        assert found(log) == [(1, "connection_reset")], encoding
