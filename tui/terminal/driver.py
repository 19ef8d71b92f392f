"""What is asked of the terminal at the start, and how it is left: empty, also where it has no second screen."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

CLEAR = "\x1b[0m\x1b[2J\x1b[H"
QUESTION = "\x1b[1;1H─\x1b[2b\x1b[6n\x1b[2J"
"""How wide is a line's character, whose width Unicode leaves open (UAX #11), and is it repeated by REP? The answer
(CPR, ECMA-48 §8.3.14) is where the cursor went. tmux 3.3 repeats ASCII alone."""


class CleanDriver(LinuxDriver):
    """GNU screen (by default), the Linux console and a vt100 know no alternate screen: the picture would stay there,
    with the shell's prompt in the middle of it.
    """

    def start_application_mode(self) -> None:
        """As ever; then ask. Nobody waits for the answers: one that comes is an event."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write(QUESTION)

    def stop_application_mode(self) -> None:
        """Clear, then restore."""
        self.write(CLEAR)
        super().stop_application_mode()
