"""Commands without a screen never load one, and the quick answers load next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = str(Path(__file__).parent.parent / "tui" / "examples" / "broken-pipe.pcap")
SCREEN = {"textual", "rich", "pyperclip"}
HEAVY = SCREEN | {"numpy", "dpkt", "psutil", "msgspec", "crossplane", "zstandard", "asyncio"}

_PROOF = """
import json, os, sys
keep = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
from tui.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stdout.flush()
os.write(keep, json.dumps(sorted({name.split(".")[0] for name in sys.modules})).encode())
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level modules that the command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", _PROOF, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.stdout, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", EXAMPLE, "--format", "json"),
        ("report", EXAMPLE, "--format", "jsonl"),
        ("report", EXAMPLE, "--format", "text"),
        ("report", EXAMPLE, "--format", "md"),
        ("report", "/does/not/exist"),
        ("sockets", "--format", "json"),
        ("sockets", "--format", "text"),
        ("explain", "write: broken pipe", "--format", "json"),
        ("playbooks",),
        ("check", "broken-pipe", "--format", "json"),
    ],
    ids=lambda arguments: " ".join(Path(one).name for one in arguments),
)
def test_headless_commands_load_no_screen(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) & SCREEN == set()


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("report", "--help"), ("check", "--help")])
def test_quick_answers_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) & HEAVY == set()
