"""A copy that reaches somebody's clipboard, where terminals differ and none confirms.

In order: tmux's buffer with -w inside tmux; OSC 52 to the terminal; the desktop's clipboard where there is a display;
and always a file. Nothing here says "copied": only the file is known to have arrived.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCREEN_CHUNK = 240  # GNU screen drops longer strings (256 in the oldest)
SURE_BYTES = 750  # what every terminal that knows OSC 52 accepts
TMUX_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a copied text went. `path` is the file that holds it, None where none could be written."""

    ways: tuple[str, ...]  # tmux | osc52 | desktop
    path: Path | None
    size: int  # bytes

    @property
    def sentence(self) -> str:
        """What is known, in honest words."""
        words = {
            "tmux": "sent to the terminal through tmux (prefix ] pastes it here)",
            "osc52": "sent to the terminal (OSC 52)",
            "desktop": "given to the desktop's clipboard",
        }
        ways = "; ".join(tr(words[way]) for way in self.ways) or tr("no clipboard within reach")
        if "osc52" in self.ways and self.size > SURE_BYTES:
            ways += "; " + tr("{n} bytes, some terminals take fewer", n=self.size)
        where = tr("also in {path}", path=self.path) if self.path else tr("no file could be written")
        return f"{ways}; {where}"


def safe_to_paste(text: str) -> str:
    """`text` as a shell may be given it: no control or bidi characters, no final newline; inner line ends stay.

    Tabs become spaces: at a prompt a tab asks for completion.
    """
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    return "\n".join(printable(line.expandtabs(4)) for line in lines)


def copy(
    text: str, write: Callable[[str], None] | None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Sent:
    """Send a text everywhere it may be pasted from.

    `write` puts an escape sequence on the terminal (None: there is none). Blocks for at most some seconds, in tmux or
    the desktop's helper: call it from a worker.
    """
    env = os.environ if environ is None else environ
    text = safe_to_paste(text)
    ways = []
    if env.get("TMUX") and _through_tmux(text, env):
        ways.append("tmux")
    elif write is not None and (sequence := terminal_sequence(text, env)):
        write(sequence)
        ways.append("osc52")
    if (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")) and _to_desktop(text):
        ways.append("desktop")
    return Sent(tuple(ways), to_file(text, env, folder), len(text.encode()))


def terminal_sequence(text: str, environ: Mapping[str, str]) -> str:
    """OSC 52 for this terminal: wrapped and cut for GNU screen; empty where the terminal is known to have none."""
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if environ.get("TERM", "") in ("linux", "dumb"):
        return ""
    if environ.get("STY"):
        parts = [payload[at : at + SCREEN_CHUNK] for at in range(0, len(payload), SCREEN_CHUNK)] or [""]
        return "\x1bP\x1b]52;c;" + "\x1b\\\x1bP".join(parts) + "\x07\x1b\\"
    return f"\x1b]52;c;{payload}\x07"


def _through_tmux(text: str, environ: Mapping[str, str]) -> bool:
    for arguments in (["load-buffer", "-w", "-"], ["load-buffer", "-"]):  # -w came with tmux 3.2
        try:
            done = subprocess.run(
                ["tmux", *arguments],
                input=text.encode("utf-8", "replace"),
                env=dict(environ),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TMUX_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode == 0:
            return True
    return False


def _to_desktop(text: str) -> bool:
    try:
        import pyperclip

        pyperclip.copy(text)
    except Exception:  # pyperclip raises its own, and whatever its helper programs end with
        return False
    return True


def to_file(
    text: str, environ: Mapping[str, str] | None = None, folder: Path | None = None, name: str = "copied.txt"
) -> Path | None:
    """Write a text where only this user reads it; the path, or None where nowhere could be written."""
    for place in [folder] if folder else file_folders(environ):
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _write_private(place / name, text)
    with suppress(OSError):  # no home: a fresh folder, since a known name under /tmp could be somebody's trap
        return _write_private(Path(tempfile.mkdtemp(prefix="tcptriage-")) / name, text)
    return None


def file_folders(environ: Mapping[str, str] | None = None) -> list[Path]:
    """Where texts are written, the first that can be."""
    env = os.environ if environ is None else environ
    home = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else "")
    return [Path(base) / "tcptriage" for base in (env.get("XDG_RUNTIME_DIR"), home) if base]


def _write_private(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text + "\n")
    return path
