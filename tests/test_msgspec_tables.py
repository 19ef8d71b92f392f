"""Threads that first use a type at once. msgspec before 0.23 made its table without a lock and crashed: 5 of 5 runs of
this with 0.22.0, none with 0.23.0."""

from __future__ import annotations

import subprocess
import sys

FIRST_USE = """
import sys, threading
import msgspec
sys.setswitchinterval(1e-6)
DATA = {"name": "a", "steps": [{"id": "s", "pass": "p"}] * 3, "fixes": [{"id": "f"}] * 3}

def new_types():
    class Fix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        id: str
        defaults: dict[str, str] = {}
    class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"passed": "pass"}):
        id: str
        passed: str = ""
        given: dict[str, int] = {}
    class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        name: str
        steps: tuple[Step, ...]
        fixes: tuple[Fix, ...] = ()
    return Book

def together(work):
    gate = threading.Barrier(4)
    def run():
        gate.wait()
        work()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

for _ in range(200):
    book = new_types()
    together(lambda: msgspec.convert(DATA, book))
"""

LIBRARY = """
import sys, threading
sys.setswitchinterval(1e-6)
found = []
def load():
    from playbooks.loader import load_all
    found.append(load_all())
threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 4, found
assert len({id(books["broken-pipe"]) for books in found}) == 1, "each read once, by one thread"
"""


def ended(source: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stderr


def test_a_type_used_first_by_several_threads_at_once() -> None:
    assert ended(FIRST_USE) == (0, "")


def test_playbooks_loaded_by_several_threads_at_once_are_read_once() -> None:
    for _ in range(4):
        assert ended(LIBRARY) == (0, "")
