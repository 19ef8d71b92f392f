"""Commands without a screen never load one, and the quick answers load next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = str(Path(__file__).parent.parent / "tui" / "examples" / "broken-pipe.pcap")
SCREEN = {"textual", "rich", "pyperclip"}
HEAVY = SCREEN | {"numpy", "dpkt", "psutil", "msgspec", "crossplane", "zstandard", "asyncio", "dataclasses", "inspect"}
WHAT_A_REPORT_NEEDS = "argparse, ctypes, msgspec, numpy, tomli"

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
        ("report", EXAMPLE, "--filter", "cause:aborted"),
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
    found = loaded(*arguments)
    assert found & SCREEN == set()
    assert "typing_extensions" not in found, "msgspec asks for it where it is there, for what typing has: 5 ms"
    assert "zipfile" not in found, "importlib.resources loads it, for what open() does: 10 ms"


def test_a_report_loads_little_beside_what_it_needs() -> None:
    """A small report is made in a tenth of a second, of which numpy takes half: nothing else may join it."""
    code = f"import json, sys, {WHAT_A_REPORT_NEEDS}; print(json.dumps(sorted(sys.modules)))"
    needed = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    more = loaded("report", EXAMPLE, "--format", "text") - {name.split(".")[0] for name in needed}
    assert {name for name in more if not name.startswith("_")} <= {
        *("capture", "tui"),
        *("bisect", "errno", "gc", "heapq", "json", "string", "unicodedata", "zlib"),
    }


def test_a_report_does_not_load_numpys_manual() -> None:
    code = (
        "from tui.work.process_settings import for_one_long_computation as settings; settings(); "
        "import numpy, sys; print(numpy.ndarray.__doc__, [name for name in sys.modules if 'add_newdocs' in name])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"None []\n"


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("report", "--help"), ("check", "--help")])
def test_quick_answers_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) & HEAVY == set()


def test_who_has_no_preferences_does_not_load_what_reads_them(tmp_path: Path) -> None:
    code = "import sys; from tui.arguments.parser import configured_language as asked; print(asked(), len(sys.modules))"
    file = tmp_path / "tcptriage" / "config.toml"
    file.parent.mkdir()
    printed = []
    for text in (None, 'language = "zh"'):
        if text:
            file.write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout.split())
    (none, few), (zh, more) = printed
    assert (none, zh) == ("None", "zh")
    assert int(few) < int(more)
