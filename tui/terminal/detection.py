"""What kind of terminal this is, and what that asks of the screen. Read before textual is imported."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

SLOW_LINE_FPS = "10"
LOCAL_FPS = "30"


@dataclass(frozen=True, slots=True)
class Terminal:
    """How to draw: decided once, at the start."""

    ascii: bool = False
    mouse: bool = True
    theme: str = "dark"  # of THEME_NAMES
    colours: bool = True
    over_ssh: bool = False
    plain_charts: bool = False  # its font has no eighths of a block
    few_colours: bool = False  # 16 of them: a pale cursor would round to the background
    erases: bool = False  # it fills what it erases with the present background


def terminal_of(
    environ: Mapping[str, str], *, ascii: bool = False, mouse: bool = True, theme: str | None = None
) -> Terminal:
    """The terminal as the environment tells of it; what the user asked for wins."""
    return Terminal(
        ascii=ascii or not _speaks_utf8(environ),
        mouse=mouse,
        theme=theme or ("light" if _is_light(environ) else "dark"),
        few_colours=_has_few_colours(environ),
        erases=_erases(environ),
        colours="NO_COLOR" not in environ and environ.get("TERM") not in ("dumb", "vt100"),
        plain_charts=ascii or not _speaks_utf8(environ) or environ.get("TERM") == "linux",
        over_ssh=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")),
    )


def prepare_textual(terminal: Terminal, environ: MutableMapping[str, str] | None = None) -> None:
    """Textual reads these when it is imported: few frames and no animation, since each frame is bytes on the line."""
    env = os.environ if environ is None else environ
    if env.get("TERM", "").lower() in ("dumb", "unknown"):
        env["TERM"] = "vt100"  # of those rich believes that they have 80 columns and 25 lines, whatever they say
    env.setdefault("TEXTUAL_FPS", SLOW_LINE_FPS if terminal.over_ssh else LOCAL_FPS)
    env.setdefault("TEXTUAL_ANIMATIONS", "none")
    env.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    env.setdefault("ESCDELAY", "50")
    if not terminal.few_colours:  # the themes' are among the 256, and take half the bytes of a true colour
        env.setdefault("TEXTUAL_COLOR_SYSTEM", "256")


def _speaks_utf8(environ: Mapping[str, str]) -> bool:
    named = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "C")
    if named in ("C", "POSIX"):
        return False
    if "." in named:
        return "utf8" in named.lower().replace("-", "")
    return "utf" in locale.getpreferredencoding(False).lower()


def _has_few_colours(environ: Mapping[str, str]) -> bool:
    """As rich judges it: 16 colours unless the terminal's name or COLORTERM tells of more."""
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return False
    return environ.get("TERM", "").strip().lower().rpartition("-")[2] not in ("256color", "kitty")


ERASING = ("xterm", "linux", "rxvt", "alacritty", "foot", "konsole", "vte", "wezterm", "ghostty", "mlterm", "tmux")
"""Names of terminals that do; terminfo knows few of them where the program runs (over ssh), and tmux better than it."""


def _erases(environ: Mapping[str, str]) -> bool:
    """tmux does it for whatever terminal it runs in; GNU screen does not."""
    if environ.get("STY") and not environ.get("TMUX"):
        return False
    return bool(environ.get("TMUX")) or environ.get("TERM", "").startswith(ERASING)


def _is_light(environ: Mapping[str, str]) -> bool:
    """COLORFGBG is "foreground;background" in the 16 colours; 7 and 15 are the light ones."""
    return environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
