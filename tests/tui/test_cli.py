"""The command line: what is wrong with it, or with its input, is one line and status 2."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks.loader import load
from playbooks.run import checked_settings
from tui.arguments.shell_words import parsers
from tui.cli import COMMANDS, main

DATA = Path(__file__).parent.parent / "data" / "lab"
LARGE_499 = str(DATA / "12f-499-large" / "client.pcap")


def test_help_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from capture import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tcptriage {__version__}\n"


@pytest.mark.parametrize("command", ["report", "sockets", "explain", "playbooks", "playbook", "check", "demo"])
def test_each_command_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"tcptriage {command}" in capsys.readouterr().out


def commands_with_examples() -> list[tuple[str, str]]:
    return [
        (name, line.strip())
        for name, parser in parsers().items()
        for line in (parser.epilog or "").splitlines()
        if re.match(r"  .*\btcptriage ", line)
    ]


def test_each_command_shows_examples() -> None:
    assert {name for name, _ in commands_with_examples()} == set(COMMANDS)


@pytest.mark.parametrize(("command", "line"), commands_with_examples())
def test_examples_of_the_help_are_commands_that_exist(command: str, line: str) -> None:
    assert len(line) <= 90
    words = shlex.split(line)
    words = words[words.index("tcptriage") + 1 :]
    assert words.pop(0) == command
    given = parsers()[command].parse_args(words[: words.index(">")] if ">" in words else words)
    if command in ("check", "playbook"):
        checked_settings(load(given.name), dict(given.settings))


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["reprot", "x.pcap"], "did you mean report?"),
        (["sokets"], "did you mean sockets?"),
        (["--thme", "dark"], "did you mean --theme?"),
        (["--log", "x.log"], "--log belongs to explain, watch"),
        (["report", "--interval=2", "x.pcap"], "--interval belongs to sockets"),
        (["report", "--fromat=json", "x.pcap"], "did you mean --format?"),
        (["sockets", "--intervall", "2"], "did you mean --interval?"),
        (["check", "brokn-pipe"], "there is broken-pipe"),
        (["playbook", "close-wiat"], "there is close-wait"),
        (["check", "broken-pipe", "--set", "prot=80"], "did you mean port?"),
    ],
)
def test_what_is_mistyped_is_named(arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert meant in told
    assert len(told.splitlines()) == 1


def test_a_file_may_be_called_almost_like_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").write_text("these are not packets\n")
    assert main(["reports"]) == 2
    assert "did you mean" not in capsys.readouterr().err


WRONG = [
    ["--nope"],
    ["--filter", "nosuchterm:1"],
    ["report"],
    ["report", "--format", "xml", "x"],
    ["report", "--filter", "port:x", LARGE_499],
    ["report", "-", "-"],
    ["sockets", "--interval", "0"],
    ["sockets", "--count", "-1"],
    ["sockets", "--filter", "state:nosuch"],
    ["check"],
    ["check", "broken-pipe", "--set", "novalue"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("tcptriage")


@pytest.fixture
def bad_inputs(tmp_path: Path) -> dict[str, Path]:
    files = {
        "missing": tmp_path / "missing.pcap",
        "folder": tmp_path,
        "empty": tmp_path / "empty.pcap",
        "words": tmp_path / "words.txt",
        "cut": tmp_path / "cut.pcap",
    }
    files["empty"].write_bytes(b"")
    files["words"].write_text("these are not packets\n" * 10)
    files["cut"].write_bytes(Path(LARGE_499).read_bytes()[:20])
    return files


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "words", "cut"])
@pytest.mark.parametrize("command", [[], ["report"]], ids=["dashboard", "report"])
def test_unreadable_input_is_one_line(
    kind: str, command: list[str], bad_inputs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(bad_inputs[kind])
    assert main([*command, path]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert path in line
    assert "Traceback" not in line


def test_hostile_names_are_made_visible(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "x\x1b]0;title\x07.pcap")]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_report_writes_what_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    assert main(["report", LARGE_499, "--format", "json", "--output", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["schema"] == "tcptriage.report/1"
    assert [c["cause"] for c in document["connections"]] == ["client_gave_up"]


def test_report_fails_on_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", LARGE_499, "--fail-on", "warning"]) == 1
    assert main(["report", LARGE_499, "--fail-on", "critical"]) == 0
    capsys.readouterr()


def test_report_filters(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", LARGE_499, "--format", "jsonl", "--filter", "cause:refused"]) == 0
    assert capsysbinary.readouterr().out == b""


def test_report_without_addresses(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", LARGE_499, "--format", "md", "--anonymize"]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert "10.45.1." not in text
    assert "198.18." in text


def test_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", LARGE_499, "--output", str(tmp_path / "no" / "where")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"{sys.executable} -m tui.cli report {LARGE_499} --format jsonl | true"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert told.stderr == ""


def test_ctrl_c_is_130() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", "sockets", "--count", "100", "--interval", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == b""


def test_a_screen_needs_a_terminal() -> None:
    told = run(stdin=subprocess.DEVNULL)
    assert told.returncode == 2
    assert "terminal" in told.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_a_clean_terminal_and_no_process(number: signal.Signals) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tui.cli"],
            {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )
    written = b""
    deadline = time.monotonic() + 20
    while b"What is wrong now" not in written and time.monotonic() < deadline:
        written += os.read(terminal, 65536)
    os.kill(pid, number)
    try:
        while chunk := os.read(terminal, 65536):
            written += chunk
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 128 + number
    assert b"\x1b[?1049l" in written
    assert written.rindex(b"\x1b[?25h") > written.rindex(b"\x1b[?25l")
    assert b"Traceback" not in written


def test_a_defect_is_one_line_and_its_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: list[str]) -> Callable[[list[str]], int]:
        raise LookupError("a \x1b[31mred\x1b[0m defect")

    monkeypatch.setattr("tui.cli._command", broken)
    assert main(["report", "x"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "LookupError: a \\e[31mred" in said
    monkeypatch.setenv("TCPTRIAGE_DEBUG", "1")
    with pytest.raises(LookupError):
        main(["report", "x"])


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_no_error(closed: str) -> None:
    command = f'"$0" -m tui.cli report "$1" {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable, LARGE_499], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (closed == "2>&-")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "tui.cli", "--version"]
        done = subprocess.run(command, stdout=full, env={**os.environ, "PYTHONUNBUFFERED": ""}, timeout=30)
    assert done.returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("command", [["playbooks"], ["explain", "EPIPE"], ["report", LARGE_499], ["sockets"]])
def test_a_full_disk_is_no_defect(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tui.cli", *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "defect" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_too_little_memory_is_no_defect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def large(_: list[str]) -> Callable[[list[str]], int]:
        raise MemoryError

    monkeypatch.setattr("tui.cli._command", large)
    assert main(["report", "x"]) == 2
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.parametrize(("chosen", "status"), [("cause:client_gave_up", 1), ("cause:refused", 0)])
def test_fail_on_means_the_connections_that_the_filter_chose(
    chosen: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", LARGE_499, "--filter", chosen, "--fail-on", "warning"]) == status
    assert ("none on the connections that the filter chose" in capsys.readouterr().out) == (status == 0)


@pytest.mark.parametrize("packed", [False, True])
def test_markdown_of_a_pipe_is_that_of_the_file(packed: bool) -> None:
    """Its ladders are drawn from packets that are read again: a pipe's bytes are kept until then."""
    path = Path(__file__).parents[2] / "tui" / "examples" / "unread-data.pcap"
    sent = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
    command = [sys.executable, "-m", "tui.cli", "report", "--format", "md"]
    piped = subprocess.run([*command, "-"], input=sent, capture_output=True, check=True)
    named = subprocess.run([*command, str(path)], capture_output=True, check=True)
    assert piped.stdout.decode() == named.stdout.decode().replace(str(path), "-")
    assert b"## Connection" in piped.stdout
