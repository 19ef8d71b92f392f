"""What the README says works as it is written."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
SHOWN = re.findall(r"^\$ tcptriage (.*)$", TEXT, re.MULTILINE) + re.findall(r"`tcptriage (explain '[^`]*')`", TEXT)


def test_each_of_two_commands_does_all_the_setting_up_by_itself() -> None:
    block = TEXT.split("```sh\n", 1)[1].split("\n```", 1)[0].splitlines()
    assert len(block) == 2
    assert block[0].startswith("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/tcptriage ")
    assert (ROOT / block[0].split()[-1]).is_file()
    assert block[1].split(" && ") == [
        "python3 -m venv .venv",
        ".venv/bin/pip install --require-hashes -r requirements-dev.txt",
        ".venv/bin/pip install .",
        ".venv/bin/pytest -n auto",
    ]


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).is_file()] == []


def test_pictures_are_the_program() -> None:
    for picture in (ROOT / "docs").glob("*.svg"):
        text = picture.read_text()
        assert "client_gave_up" in text or picture.name == "architecture.svg"
        assert "@font-face" not in text, "a font fetched from elsewhere"


def test_a_stranger_reads_it_in_three_minutes() -> None:
    assert len(re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL).split()) < 850


@pytest.mark.parametrize("line", SHOWN)
def test_commands_shown_run(line: str, tmp_path: Path) -> None:
    if line.startswith("fleet "):
        pytest.importorskip("pyarrow")
    shutil.copy(ROOT / "tui" / "examples" / "incident.pcap", tmp_path)
    for point in ("client.pcap", "server.pcap"):
        shutil.copy(ROOT / "tests" / "data" / "lab" / "16b-middlebox-rst" / point, tmp_path)
    words = shlex.split(line.replace("--interval 5 --count 12", "--interval 0.1 --count 2"), comments=True)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in (0, 1, 3), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or (tmp_path / "ticket.md").is_file()
