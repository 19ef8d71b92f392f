"""Room for packets: shared where there is plenty, else the columns stay as they were."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMITED = """
import resource
from capture.flows.collecting import Collected
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
print([Collected().share(rows, rows) is not None for rows in (1000, 1 << 20, 1 << 24, 1 << 27, 1 << 30)])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="shared between processes on Linux only")
def test_a_limit_on_addresses_leaves_room_for_all_else() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[True, True, False, False, False]\n", "")
