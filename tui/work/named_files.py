"""What a file is that somebody named, as far as it costs little to know."""

from __future__ import annotations

import os
import re
import stat

from capture.packing_magic import GZIP, ZSTD

USUAL = (b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", GZIP, ZSTD)
"""What most captures begin with (pcap, pcapng). One that begins otherwise is opened before the screen to see whether it
can be: that loads the engine, 0.1 s."""
LEAST_BYTES = 28  # a shorter file holds no packet; reading it says what it is
HEAD_BYTES = 1 << 16
CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\b")
ODD_SHARE = 0.01
"""Of its characters that are NUL or no UTF-8: a text that holds a NUL (in a hostile line, a lost block) has fewer."""
LINES = 200
"""Of a text without times: as many are looked at for an error that is known."""


def unreadable(path: str, *, capture: bool) -> str | None:
    """Why a file cannot be opened, in one line; of a pipe nothing is known. `capture`: it is to hold packets."""
    if capture and os.path.isdir(path):
        from capture.triage import packets_of

        path = packets_of(path)
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            return None  # looking would take bytes from it
        with open(path, "rb") as file:
            head = file.read(LEAST_BYTES)
    except OSError as error:
        if not capture:
            return f"cannot read {path}: {(error.strerror or str(error)).lower()}"
        head = b""
    if not capture or (len(head) == LEAST_BYTES and head.startswith(USUAL)):
        return None
    from capture.engine.session import Engine
    from capture.wire.capture_errors import CaptureUnreadable
    from capture.wire.files.open_capture import open_capture

    try:
        engine = Engine()
        with open_capture(path, engine) as reader:
            while not engine.totals.packets and reader.step():
                pass
    except CaptureUnreadable as error:
        return str(error)
    return None


def is_log(path: str) -> bool:
    """Whether it is a text whose lines have times or tell of errors, and no capture that is written as text."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    if len(head) < LEAST_BYTES or head.startswith(USUAL):
        return False
    text = head.decode(errors="replace")
    if b"\0" in head and text.count("\0") + text.count("\ufffd") > len(text) * ODD_SHARE:
        return False
    return (CLOCK.search(text) is not None or _tells_of_errors(text)) and unreadable(path, capture=True) is not None


def _tells_of_errors(text: str) -> bool:
    from playbooks.symptoms.explain_line import explain_line

    return any(explain_line(line) is not None for line in text.splitlines()[:LINES])
