"""No server is asked that nobody named: a configuration that tells of one is no request to call it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from playbooks.loader import load, load_all
from playbooks.model import Outcome
from playbooks.run import run_checks

CONFIG = """
events {{ }}
http {{
  upstream backend {{ server 127.0.0.1:{port}; keepalive 8; }}
  server {{ listen 127.0.0.1:1; location / {{ proxy_pass http://backend; }} }}
}}
"""
READ_CONFIG = sorted(
    name
    for name, book in load_all(Path("/nonexistent")).items()
    if "config" in book.settings and name != "nginx-limits"
)


@pytest.mark.parametrize("name", READ_CONFIG)
def test_an_upstream_of_the_configuration_hears_nothing(name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(port=listener.getsockname()[1]))
        report = run_checks(name, {"config": str(config)})
        with pytest.raises(BlockingIOError):
            listener.accept()
    idle = [step for step in report.steps if step.id == "idle"]
    for step in idle:
        assert step.outcome is Outcome.MANUAL
        assert "no server is asked unless you name it" in step.evidence[0]


def test_an_upstream_that_is_named_is_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(port=port))
        assert "url" in load("keepalive-race", Path("/nonexistent")).settings
        report = run_checks("keepalive-race", {"config": str(config), "url": f"http://127.0.0.1:{port}/"})
        listener.accept()[0].close()
    assert next(step for step in report.steps if step.id == "idle").outcome is not Outcome.PASS
