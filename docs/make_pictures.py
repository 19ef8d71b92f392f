"""Make docs/*.svg: the program itself, on an example that ships with it. Run `python docs/make_pictures.py`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tui.app import TriageApp
from tui.terminal.detection import prepare_textual, terminal_of
from tui.work.investigation import Request

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "tui" / "examples" / "incident.pcap"
SIZE = (110, 30)
PICTURES = {"connections": (), "ladder": ("down", "enter", "down", "enter")}
"""Name → keys pressed on the way there."""


async def picture(keys: tuple[str, ...]) -> str:
    """The screen after these keys, as SVG."""
    surroundings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    terminal = terminal_of(surroundings, ascii=False, mouse=False, theme="dark")
    prepare_textual(terminal)
    app = TriageApp(Request(files=(str(EXAMPLE),)), terminal)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(100):
            await pilot.pause(0.05)
            shown = app.export_screenshot()
            if "10.1.2.2" in shown and "reading" not in shown:  # the first rows come before the verdicts
                break
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        return app.export_screenshot(title="tcptriage incident.pcap")


def for_any_viewer(svg: str) -> str:
    """The reader's own monospace font in place of one fetched from elsewhere; and every blank counts."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


if __name__ == "__main__":
    for name, keys in PICTURES.items():
        (HERE / f"{name}.svg").write_text(for_any_viewer(asyncio.run(picture(keys))))
