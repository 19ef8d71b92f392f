"""The themes. Their colours survive being rounded to 256 or to 16; nothing is said by a colour alone."""

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

HIGH_CONTRAST = Theme(
    name="tcptriage-high-contrast",
    primary="#00ffff",
    secondary="#00ffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    success="#00ff00",
    warning="#ffff00",
    error="#ff8787",
    dark=True,
    variables={"primary-muted": "#0000d7", "surface-lighten-2": "#ffffff", "text-muted": "#e4e4e4"},
)

# Okabe and Ito's palette (Color Universal Design, 2008): for eyes that see no red, no green or no blue. Vermilion
# is bad, yellow a warning, bluish green good; they differ in lightness too.
COLOUR_BLIND = Theme(
    name="tcptriage-colour-blind",
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#e69f00",
    foreground="#e4e4e4",
    background="#000000",
    surface="#262626",
    panel="#303030",
    success="#00af87",
    warning="#f0e442",
    error="#ff5f00",
    dark=True,
    variables={"primary-muted": "#005f87", "surface-lighten-2": "#6c6c6c", "text-muted": "#a8a8a8"},
)

COLOUR_BLIND_LIGHT = Theme(
    name="tcptriage-colour-blind-light",
    primary="#005f87",
    secondary="#875f87",
    accent="#875f00",
    foreground="#000000",
    background="#ffffff",
    surface="#eeeeee",
    panel="#dadada",
    success="#00735c",
    warning="#7a5c00",
    error="#af3a00",
    dark=False,
    variables={"primary-muted": "#afd7ff", "surface-lighten-2": "#8a8a8a", "text-muted": "#4e4e4e"},
)

THEMES = (DARK, LIGHT, HIGH_CONTRAST, COLOUR_BLIND, COLOUR_BLIND_LIGHT)


def next_theme(name: str) -> str:
    """The name of the theme behind this one."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
