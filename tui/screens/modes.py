"""The four modes, and the first screen of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.work.investigation import Request

MODES = ("live", "capture", "playbooks", "evidence")


def first_mode(request: Request) -> str:
    """The mode in which a request begins."""
    if request.keeper is not None and request.keeper.case.place.mode in MODES:
        return request.keeper.case.place.mode
    if request.files or request.fleet is not None or request.compare is not None:
        return "capture"
    return "playbooks" if request.playbook or request.demo or request.log else "live"


def first_screen(mode: str, request: Request) -> Screen[Any]:
    """The first screen of a mode, made when the mode is first shown."""
    if mode == "live" and request.replay is not None:
        from tui.screens.replay import ReplayScreen

        return ReplayScreen(request.replay)
    if mode == "live":
        from tui.screens.live import LiveScreen

        return LiveScreen()
    if mode == "capture" and request.fleet is not None:
        from tui.screens.fleet import FleetScreen

        return FleetScreen(request.fleet)
    if mode == "capture":
        from tui.screens.capture import CaptureScreen

        return CaptureScreen()
    if mode == "playbooks":
        from tui.screens.playbooks import PlaybooksScreen

        return PlaybooksScreen()
    from tui.screens.evidence import EvidenceScreen

    return EvidenceScreen()
