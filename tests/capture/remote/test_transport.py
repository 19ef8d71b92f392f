from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import capture.remote
from capture.recorder.packet_filter import packet_filter
from capture.remote.frames import FrameReader
from capture.remote.transport import OWN_PORT, command_for, program, reason, wanted_events
from tui.cli import main

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def pyenvs(name: str) -> list[Path]:
    """The interpreters of that name that pyenv has; none where its folder is another user's."""
    if not os.access(PYENV, os.R_OK | os.X_OK):
        return []
    return list(PYENV.glob(f"{name[6:]}.*/bin/{name}"))


def test_ssh_is_the_systems_with_the_users_words() -> None:
    words = command_for("me@web1", "ssh -F my.conf")
    assert words[:3] == ["ssh", "-F", "my.conf"]
    assert "BatchMode=yes" in words
    assert words[words.index("--") + 1] == "me@web1"
    assert "python3 -I -S -u -" in words[-1]
    assert "BatchMode=yes" not in command_for("web1", batch=False)
    assert command_for("web1", sudo=True)[-1].startswith("sudo -n sh -c ")


def test_containers_go_by_their_engines_exec() -> None:
    assert command_for("docker:web")[:4] == ["docker", "exec", "-i", "web"]
    assert command_for("kubectl:shop/web-0")[:6] == ["kubectl", "exec", "-i", "-n", "shop", "web-0"]
    assert command_for("kubectl:web-0")[:5] == ["kubectl", "exec", "-i", "web-0", "--"]


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "", "a b", "a;b", "docker:-v", "kubectl:a/$(x)", "x" * 300])
def test_what_can_be_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="no host"):
        command_for(host)


def test_the_collector_is_a_program_for_old_pythons() -> None:
    text = program(2.0, 3).decode()
    ast.parse(text, feature_version=(3, 6))
    assert text.startswith("INTERVAL, COUNT = 2.0, 3\nEVENTS, FILTER = (), b''\n")
    assert len(text) < 8000
    with_events = program(2.0, 3, events=True).decode()
    ast.parse(with_events, feature_version=(3, 6))
    assert "tcp_send_reset" in with_events
    assert "NETFILTER_DROP" in with_events
    ast.parse(program(2.0, None, events=True, packets=b"\0" * 8).decode(), feature_version=(3, 6))


def test_what_is_asked_of_another_kernel_names_no_number_of_this_one() -> None:
    wanted = {path: (words, reasons) for path, words, reasons in wanted_events()}
    words, reasons = wanted["skb/kfree_skb"]
    assert words == "(protocol==0x800 || protocol==0x86dd) && (REASONS)"
    assert "SOCKET_RCVBUFF" in reasons
    assert wanted["tcp/tcp_send_reset"] == ("", ())
    assert wanted["sock/sock_send_length"][0].startswith("protocol==6 && ret<0")


def test_looks_can_be_taken_there_and_read_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/offline.md: the collector by itself, its output carried here as a file."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs Linux")
    collector = Path(capture.remote.__file__).with_name("collector.py")
    done = subprocess.run([sys.executable, "-I", "-S", collector, "2", "0.1"], capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip(f"no sock_diag: {done.stderr.decode()}")
    frames = tmp_path / "looks.frames"
    frames.write_bytes(done.stdout)
    command = f"sh -c 'cat {frames}'"
    words = ["sockets", "--host", "web1", "--ssh", command, "--count", "2", "--interval", "0.1", "--format", "json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["asked"], first["source"]) == ("web1", "sock_diag")


def test_the_last_line_says_why() -> None:
    assert reason(["ssh"], b"banner\n\nssh: connect to host x: Connection refused\r\n", 255).endswith("refused")
    assert reason(["ssh"], b"", 255) == "ssh ended with status 255"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
@pytest.mark.parametrize("name", [f"python3.{minor}" for minor in range(6, 15)])
def test_each_python_that_is_here_runs_it(name: str) -> None:
    """With events and packets: those that may be had are, the others are said to be missing."""
    found = [place for place in (shutil.which(name), *map(str, pyenvs(name))) if place]
    runs = [place for place in found if subprocess.run([place, "-c", ""], capture_output=True).returncode == 0]
    if not runs:
        pytest.skip(f"no {name} here")
    text = program(0.1, 2, events=True, packets=packet_filter((), 128, without=OWN_PORT))
    done = subprocess.run([runs[0], "-I", "-S", "-u", "-"], input=text, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    first, last = FrameReader().feed(done.stdout)
    assert last.head.time > first.head.time
    for frame in (first, last):
        assert frame.head.packets is not None
        assert frame.head.events is not None
        if os.geteuid() == 0:
            assert frame.head.packets.missing == []
            assert frame.head.events.formats
        else:
            assert frame.head.packets.missing
