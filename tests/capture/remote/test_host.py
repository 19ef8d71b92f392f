"""One host's command: why it tells nothing any more."""

from __future__ import annotations

import time
from pathlib import Path

from capture.remote.host import Host


def test_last_words_that_come_after_the_end_are_the_reason(tmp_path: Path) -> None:
    command = tmp_path / "ssh"
    command.write_text("#!/bin/sh\nexec >&-\n(sleep 0.3; echo 'Permission denied (publickey).' >&2) &\nexit 255\n")
    command.chmod(0o755)
    host = Host("far", [str(command)], b"")
    host.wait(1, time.monotonic() + 20)
    assert host.ended
    assert host.trouble == "Permission denied (publickey)."
    host.close()


def test_a_command_that_is_not_there_is_named_and_can_be_closed() -> None:
    host = Host("far", ["/no/such/ssh"], b"")
    assert host.wait(1, time.monotonic() + 20)
    assert host.trouble == "/no/such/ssh: No such file or directory"
    host.close()
