from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli import COMMANDS
from tui.shell_words import ABOUT, parsers


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
