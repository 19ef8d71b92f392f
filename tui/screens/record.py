"""Capture this: the exact tcpdump command for a connection; as root, on request, it is run and its result opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding

from capture.safe_text import printable
from tui.screens.base import TriageScreen
from tui.text.language import tr
from tui.text.tcpdump_command import PACKETS, SECONDS, SNAPLEN, command, shell_line
from tui.widgets.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.model import Endpoint


class RecordScreen(TriageScreen):
    """Shows the command; R runs it."""

    KEYS = (("y", "copy command"), ("R", "run it"), ("v", "plain"), ("Esc", "back/stop"))
    ABOUT = "The command that records this connection. It stops by itself; R runs it here, as root only."
    AUTO_FOCUS = "Paper"
    BINDINGS = [Binding("R", "run", show=False)]

    def __init__(self, local: Endpoint, remote: Endpoint) -> None:
        super().__init__()
        self._local, self._remote = local, remote
        self._tcpdump: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self._line = shell_line(command(local, remote, "connection.pcap"), root=os.geteuid() == 0)

    def body(self) -> Iterable[Widget]:
        """The command and its bounds."""
        why = self._why_not()
        run = (
            tr("R runs it here and opens the result. {why}", why=why)
            if not why
            else tr("It cannot be run from here: {why}", why=why)
        )
        bounds = tr(
            "It ends by itself after {seconds} s or {packets} packets, and keeps the first {bytes} bytes of each: "
            "at most {megabytes} MB. It reads packets and changes nothing; payload bytes may be in the file, so treat "
            "it as confidential.",
            seconds=SECONDS,
            packets=f"{PACKETS:,}",
            bytes=SNAPLEN,
            megabytes=f"{PACKETS * (SNAPLEN + 16) / 1e6:.1f}",
        )
        yield Paper(
            f"{self._line}\n\n{bounds}\n\n{run}\n{tr('Afterwards: {command}', command='tcptriage connection.pcap')}",
            title="Capture this connection",
        )

    def _why_not(self) -> str:
        if os.geteuid() != 0:
            return tr("recording needs root; copy the command instead.")
        if shutil.which("tcpdump") is None:
            return tr("tcpdump is not installed.")
        return ""

    def copy_text(self) -> tuple[str, str]:
        """The command."""
        return "Command", self._line

    def action_run(self) -> None:
        """Record, as root and on request only."""
        if self._tcpdump is not None:
            self.say("It is being recorded; Esc stops early and opens what there is")
            return
        if why := self._why_not():
            self.say(tr("It cannot be run from here: {why}", why=why), "warn")
            return
        path = str(Path(tempfile.mkdtemp(prefix="tcptriage-")) / "connection.pcap")
        self.say(
            tr(
                "Recording for at most {seconds} s into {path} … Esc stops early and opens what there is",
                seconds=SECONDS,
                path=path,
            )
        )
        self._record(path)

    @work(thread=True, exclusive=True, group="record", exit_on_error=False)
    def _record(self, path: str) -> None:
        arguments = command(self._local, self._remote, path)
        arguments[2:3] = ["tcpdump", "-Z", "root"]  # tcpdump drops to another user, who could not write there
        try:
            self._tcpdump = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            _, output = self._tcpdump.communicate()
        except OSError as error:
            self.app.call_from_thread(self.say, tr("tcpdump could not be started: {error}", error=error), "bad")
            return
        finally:
            self._tcpdump = None
        lines = output.decode(errors="replace").strip().splitlines()
        if not os.path.exists(path) or os.path.getsize(path) <= 24:
            why = lines[-1] if lines else tr("no packet came")
            self.app.call_from_thread(self.say, tr("Nothing was recorded: {why}", why=printable(why)), "warn")
            return
        if not self._stopped.is_set():
            self.app.call_from_thread(self.triage_app.open_capture, (path,))

    def action_back(self) -> None:
        """Stop the recording early, else go back."""
        if self._tcpdump is not None:
            self._tcpdump.terminate()
            return
        super().action_back()

    def on_unmount(self) -> None:
        """Leaving ends the recording: no process stays behind."""
        self._stopped.set()
        if self._tcpdump is not None:
            self._tcpdump.terminate()
