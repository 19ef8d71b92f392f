from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tui.arguments.shell_words import ABOUT, parsers
from tui.cli import COMMANDS


def script(shell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", "completion", shell], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_command_is_completed() -> None:
    assert set(parsers()) == set(COMMANDS) == set(ABOUT)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_and_playbooks_are_in_the_script(shell: str) -> None:
    text = script(shell)
    for word in ("watch", "--events" if shell != "fish" else "events", "broken-pipe", "close-wait"):
        assert word in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tcptriage wat", ["watch"]),
        ("tcptriage check broken-", ["broken-pipe"]),
        ("tcptriage sockets --ev", ["--events"]),
        ("tcptriage report --format js", ["json", "jsonl"]),
        ("tcptriage completion f", ["fish"]),
    ],
)
def test_bash_completes(line: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(script("bash"))
    ask = f"""
      source {tmp_path}/completion
      COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; read -ra COMP_WORDS <<< "$COMP_LINE"
      COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
      function_name=$(complete -p tcptriage | sed 's/.*-F \\([^ ]*\\).*/\\1/')
      $function_name; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True)
    assert sorted(done.stdout.split()) == words, done.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="not installed: fish")
def test_the_installed_file_asks_the_program_itself(tmp_path: Path) -> None:
    """docs/completion has no words of its own, so that a user's playbooks and later commands are completed too."""
    file = Path(__file__).parents[3] / "docs" / "completion" / "tcptriage.fish"
    program = tmp_path / "tcptriage"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tui.cli "$@"\n')
    program.chmod(0o755)
    ask = f"source {file}; complete -C 'tcptriage check broken-'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.split()[:1] == ["broken-pipe"], done.stderr
