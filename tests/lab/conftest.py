"""The lab fixture: a scenario's network, taken away when it ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.harness.lab import Lab

KEEP = "TCPTRIAGE_LAB_KEEP"
"""Environment variable: a directory in which each scenario leaves NAME/*.pcap and truth.json."""


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "network namespaces need root"
    tools = [tool for tool in ("ip", "tcpdump", "nft", "ss") if shutil.which(tool) is None]
    return f"not installed: {', '.join(tools)}" if tools else None


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """An empty network, named after the test."""
    if reason := _missing():
        pytest.skip(reason)
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").rstrip("]")
    keep = os.environ.get(KEEP)
    folder = Path(keep, name) if keep else tmp_path / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = Lab(name, folder)
    try:
        yield made
    finally:
        made.close()
