"""How this process uses the machine: settings for a command that computes once and ends, for one that runs for weeks,
and for a start."""

from __future__ import annotations

import gc
import os
import sys


def for_one_long_computation() -> None:
    """Call before numpy is imported.

    No threads for linear algebra that never happens; no garbage collector walking through rows that all stay. Nor huge
    pages: a virtual machine whose host took its free memory back gets each anew, which cost a fifth of the time there;
    where it gets used ones, large and small pages took the same.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
    gc.disable()
    load_msgspec_alone()
    load_numpy_without_manual()


def for_weeks() -> None:
    """Call when all is set up. Looks make and drop thousands of rows, which are in no circle: at the collector's own
    pace it took a fifth of the recorder's time. What a circle may hold back is some megabytes now."""
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def load_msgspec_alone() -> None:
    """Call before msgspec is imported: it asks typing_extensions, where that is there, for what typing has, which takes
    5 ms for nothing."""
    missing = "typing_extensions" not in sys.modules
    if missing:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    import msgspec  # noqa: F401

    if missing:
        del sys.modules["typing_extensions"]


def load_numpy_without_manual() -> None:
    """Call before numpy is imported: it gives its functions their manual, which nobody reads here, for 5 ms."""
    from types import ModuleType

    manual = [f"numpy._core.{name}" for name in ("_add_newdocs", "_add_newdocs_scalars")]
    missing = [name for name in manual if name not in sys.modules]
    sys.modules.update((name, ModuleType(name)) for name in missing)
    import numpy  # noqa: F401

    for name in missing:
        del sys.modules[name]


def for_a_quick_start() -> None:
    """Call before textual is imported: the collector would walk through modules that all stay, for 30 ms."""
    gc.disable()


def collect_garbage_again() -> None:
    """Call after the first picture: what there is by then stays for good."""
    gc.freeze()
    gc.enable()
