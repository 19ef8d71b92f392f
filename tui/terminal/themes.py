"""Two themes, dark and light, whose colours survive being rounded to 256 or to 16."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="tcptriage-dark",
    primary="#5fafff",
    secondary="#5fd7d7",
    accent="#d7af5f",
    foreground="#d0d0d0",
    background="#000000",
    surface="#262626",
    panel="#303030",
    success="#5fd75f",
    warning="#ffd75f",
    error="#ff5f5f",
    dark=True,
    variables={"primary-muted": "#00005f", "surface-lighten-2": "#585858", "text-muted": "#9e9e9e"},
)

LIGHT = Theme(
    name="tcptriage-light",
    primary="#005faf",
    secondary="#005f5f",
    accent="#875f00",
    foreground="#1c1c1c",
    background="#ffffff",
    surface="#eeeeee",
    panel="#dadada",
    success="#005f00",
    warning="#875f00",
    error="#af0000",
    dark=False,
    variables={"primary-muted": "#afd7ff", "surface-lighten-2": "#8a8a8a", "text-muted": "#585858"},
)
