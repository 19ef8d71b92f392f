"""config.toml as the program writes it when asked: every entry commented out, with what is allowed."""

from __future__ import annotations

from dataclasses import fields

from tui.terminal.theme_names import THEME_NAMES
from tui.text.glossary import meaning
from tui.work.configuration import LANGUAGES, TABLES, column_names


def default_page() -> str:
    """The whole file."""
    from capture.sockets.findings.thresholds import Thresholds
    from tui.text.key_meanings import FREE_KEYS, MEANINGS, SIGNS, slug

    lines = [
        "# tcptriage: what you prefer. The command line wins over this file. A wrong entry is named at the start, and",
        "# by `tcptriage info`; all others hold.",
        "",
        f"# auto (as the terminal tells), {', '.join(THEME_NAMES)}. Ctrl-T goes through them and writes it here.",
        '#theme = "auto"',
        f"# auto (the locale's), {', '.join(LANGUAGES)}: of text, Markdown and screens",
        '#language = "auto"',
        "# seconds between two looks at the live connections, 0.1 to 86400",
        "#interval = 1.0",
        "# no characters beyond ASCII",
        "#ascii = false",
        "# false leaves the mouse to the terminal",
        "#mouse = true",
        "",
        "# The columns that are shown; the first ones are kept longest where the width ends.",
        "[columns]",
    ]
    for table in TABLES:
        names = ", ".join(f'"{name}"' for name in column_names(table))
        lines.append(f"#{table} = [{names}]")
    lines += ["", "# From when on the live connections are a finding.", "[thresholds]"]
    for field in fields(Thresholds):
        if why := meaning("thresholds", field.name):
            lines.append(f"# {why}")
        lines.append(f"#{field.name} = {field.default:g}")
    lines += ["", f"# Another key for what a key does: one character, or {FREE_KEYS[0]} to {FREE_KEYS[-1]}.", "[keys]"]
    listed: set[str] = set()
    for key, does in MEANINGS.items():
        if does not in listed and len(SIGNS.get(key, key)) == 1:
            listed.add(does)
            lines.append(f'#{slug(does)} = "{SIGNS.get(key, key)}"')
    return "\n".join(lines) + "\n"
