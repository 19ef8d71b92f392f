"""Keeps the case of a running program on disk, at each change."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

import capture
from tui.text.language import tr
from tui.work.case_file import Case, CaseFolder, Opened, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.work.evidence_item import Item


class CaseKeeper:
    """Writes when there is something to lose: evidence, a file that was opened, a filter, a screen over the first.

    Where nothing can be written it says so once, and the program goes on without.
    """

    def __init__(self, folder: CaseFolder, opened: Opened, before: Case | None = None) -> None:
        """`before` is the case that is taken up."""
        self._folder = folder
        now = time.time()
        self._case = before or Case(
            name="", host=socket.gethostname(), version=capture.__version__, begun=now, changed=now, opened=opened
        )
        self._complained = False
        self.trouble = ""
        """Why the last change is not on disk; empty where it is."""
        self.kept = before is not None
        """Whether there is a case on disk."""
        self.tell: Callable[[str], None] = lambda _: None
        """Says on the screen that nothing can be kept."""

    @property
    def case(self) -> Case:
        """As it was written last."""
        return self._case

    def take(self, evidence: Sequence[Item], removed: Sequence[Item], place: Place) -> None:
        """What there is now; written if anything of it is news."""
        case = self._case
        bottom = place.bottoms.get("capture", {})
        opened = replace(case.opened, files=tuple(bottom.get("files", ())) or case.opened.files)
        if "join" in bottom:
            opened = replace(opened, join=bool(bottom["join"]))
        items, dropped = tuple(evidence), tuple(removed)
        if (items, dropped, place, opened) == (case.items, case.dropped, case.place, case.opened):
            return
        self._case = replace(
            case, items=items, dropped=dropped, place=place, opened=opened, version=capture.__version__
        )
        if self.kept or items or dropped or opened != Opened() or place.narrowed:
            self._write()

    def end(self) -> None:
        """Others may go on with the case."""
        self._folder.let_go()

    def _write(self) -> None:
        now = time.time()
        self._case = replace(self._case, changed=now)
        try:
            if not self._folder.name:
                self._folder.make(now)
            self._case = replace(self._case, name=self._folder.name)
            self._folder.write(self._case)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            if not self._complained:
                self._complained = True
                self.tell(tr("This case is not kept on disk: {why}; x in Evidence exports it", why=self.trouble))
            return
        self.kept, self._complained, self.trouble = True, False, ""
