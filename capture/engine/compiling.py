"""Compile the engine: at installation, and in a checkout whenever its sources are newer. Standard library only.

Any C compiler will do: $CC, cc, gcc, clang, or the one that the package ziglang brings.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NAME = "_engine" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
FLAGS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden")


class CannotCompile(Exception):  # noqa: N818 - named for the reader: it says what happened
    """There is no compiler, or it failed; the text says which."""


def compiler() -> list[str] | None:
    """The command of a C compiler; None where there is none."""
    named = shlex.split(os.environ.get("CC", ""))
    if named and shutil.which(named[0]):
        return named
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=undefined"]
    return None


def sources() -> list[Path]:
    """The engine's sources; empty where it was installed without them."""
    return sorted(HERE.glob("*.c"))


def compile_to(target: Path) -> None:
    """Compile the engine into a shared library. Raises CannotCompile."""
    command = compiler()
    if command is None:
        raise CannotCompile("no C compiler was found: install one (Debian: gcc), or the Python package ziglang")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    begun = time.time()
    done = subprocess.run(
        [*command, *FLAGS, "-o", str(unfinished), *(str(path) for path in sources())], capture_output=True, text=True
    )
    if done.returncode:
        raise CannotCompile(f"{command[0]} could not compile the packet engine:\n{done.stderr[-2000:]}")
    os.utime(unfinished, (begun, begun))  # sources that changed meanwhile are newer
    unfinished.replace(target)


def compiled() -> Path:
    """The shared library, compiled first where this is a checkout that has changed. Raises CannotCompile."""
    target = HERE / NAME
    newest = max((path.stat().st_mtime for path in (*sources(), *HERE.glob("*.h"))), default=0.0)
    if not target.exists() or target.stat().st_mtime < newest:
        compile_to(target)
    return target
