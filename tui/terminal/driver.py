"""How the terminal is left: empty, also where it has no second screen to come back from."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

CLEAR = "\x1b[0m\x1b[2J\x1b[H"


class CleanDriver(LinuxDriver):
    """GNU screen (by default), the Linux console and a vt100 know no alternate screen: the picture would stay there,
    with the shell's prompt in the middle of it.
    """

    def stop_application_mode(self) -> None:
        """Clear, then restore."""
        self.write(CLEAR)
        super().stop_application_mode()
