"""What screens ask of the app, by name: so no screen knows the app itself, and any of them opens alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.terminal.detection import Terminal
    from tui.terminal.line_budget import LineBudget
    from tui.text.names_column import Names
    from tui.work.investigation import Investigation


class KeptCase(Protocol):
    """The case that is kept on disk."""

    @property
    def name(self) -> str:
        """Empty where there is none."""

    def take(self) -> None:
        """What there is now is news to it."""


class ShownNames(Protocol):
    """The names beside addresses."""

    @property
    def book(self) -> Names | None:
        """None while they are off."""


class AskedApp(Protocol):
    """The app as screens see it."""

    reopen: str
    """The case to go on with, once the screen is gone."""

    failure: str | None
    """One line for standard error, said after the screen is gone."""

    @property
    def investigation(self) -> Investigation:
        """What this run has gathered."""

    @property
    def case(self) -> KeptCase:
        """The case of this run."""

    @property
    def terminal(self) -> Terminal:
        """What kind of terminal this is."""

    @property
    def line_budget(self) -> LineBudget:
        """How soon a screen may paint by itself again."""

    @property
    def bytes_painted(self) -> int:
        """Of all pictures so far."""

    def open_playbook(self, name: str, settings: dict[str, str], *, found: str = "") -> None:
        """A playbook with facts filled in."""

    def open_capture(self, paths: Sequence[str], wanted: str = "") -> None:
        """Captures, with a filter on."""

    def open_comparison(self, *paths: str) -> None:
        """The same connections at two points or more."""

    def open_help(self) -> None:
        """The keys and words of the screen in front."""

    def capture_holding(self, wanted: str) -> str | None:
        """The path of an open capture with connections that a filter keeps."""

    def filter_mode(self, mode: str, text: str) -> None:
        """Another mode, with a filter on."""

    def explain_text(self, text: str) -> None:
        """What lines of a log say."""

    @property
    def naming(self) -> ShownNames:
        """The names beside addresses."""

    def names_of_captures(self) -> None:
        """Captures were opened: they may name addresses."""

    def send(self, what: str, text: str) -> None:
        """A text to every clipboard within reach."""

    def keep(self, kind: str, title: str, body: str) -> None:
        """A thing to the evidence; `body` is Markdown."""

    def show_plain(self, text: str) -> None:
        """A text alone on the terminal."""
