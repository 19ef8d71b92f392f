"""A screen about one thing that a playbook speaks of: B opens it, f its fixes."""

from __future__ import annotations

from tui.screens.base import TriageScreen


class ScreenWithPlaybook(TriageScreen):
    """Subclasses bind the keys, and say which playbook it is."""

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """(name, settings, what is wrong) of the playbook that fits it; None where none does, which it says."""
        raise NotImplementedError

    def action_playbook(self) -> None:
        """What to check about it."""
        if (asked := self.asked_playbook()) is not None:
            name, settings, found = asked
            self.triage_app.open_playbook(name, settings, found=found)

    def action_fix(self) -> None:
        """What to change about it."""
        from tui.screens.fixes import FixesScreen

        if (asked := self.asked_playbook()) is not None:
            self.app.push_screen(FixesScreen(*asked))
