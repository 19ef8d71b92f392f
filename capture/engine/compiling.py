"""Compile the engine: at installation, and in a checkout whenever its sources are newer. Standard library only.

The library is no extension module: it needs no headers of Python's, and one file serves every Python. An installation
has it beside the packages; a checkout keeps its own among the sources, where there is a compiler, and otherwise takes
an installed one: a checkout's packages come before installed ones, and it may be just where the tests are run.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))  # no Path: to load it takes longer than to find the library
NAME = "_tcptriage_engine" + {"win32": ".dll", "cygwin": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
FLAGS = ("-std=c11", "-O3", "-g0", "-fPIC", "-shared", "-fvisibility=hidden")
FASTER = (  # a packet goes through ten files and some fifty small functions; where a compiler and its linker can do it:
    "-flto",  # 5 % less time
    "-finline-limit=400",  # another 5 %
    "--param=inline-unit-growth=100",  # 4 % fewer instructions: all that a packet calls is inlined
)
COMPILERS = ("cc", "gcc", "clang")
PATIENCE = 600  # seconds for one compilation
_TRIAL = '#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\nint trial(void) { return (int)strlen(""); }\n'


class Ran(NamedTuple):
    """How a command ended; 127 where it could not be run."""

    status: int
    errors: str


class CannotCompile(Exception):  # noqa: N818 - named for the reader: it says what happened
    """There is no compiler, or it failed; the text says which."""


def compiler() -> list[str] | None:
    """The command of a C compiler that works: $CC, cc, gcc, clang, or the one that the package ziglang brings."""
    return system_compiler() or zig_compiler()


@cache
def system_compiler() -> list[str] | None:
    """A compiler of this machine; one may be there without the C library's headers."""
    import shlex  # these are wanted where something is compiled, and not at each start
    import shutil

    named = shlex.split(os.environ.get("CC", ""))
    candidates = ([named] if named else []) + [[name] for name in COMPILERS]
    return next((each for each in candidates if shutil.which(each[0]) and _works(each)), None)


@cache
def zig_compiler() -> list[str] | None:
    """The compiler in the package ziglang."""
    zig = [sys.executable, "-m", "ziglang"]
    return [*zig, "cc", "-fno-sanitize=undefined"] if run([*zig, "version"]).status == 0 else None


def _works(command: list[str], *more: str) -> bool:
    """Whether it makes a library of a small source."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "trial.c")
        with open(source, "w") as file:
            file.write(_TRIAL)
        return run([*command, *FLAGS, *more, "-o", os.path.join(folder, "trial.so"), source]).status == 0


def sources() -> list[str]:
    """The engine's sources; empty where it was installed without them."""
    return sorted(os.path.join(HERE, name) for name in os.listdir(HERE) if name.endswith(".c"))


def compile_to(target: Path, command: list[str] | None = None) -> None:
    """Compile the engine into a shared library, with a command other than `compiler()`'s. Raises CannotCompile."""
    command = command or compiler()
    if command is None:
        raise CannotCompile("no C compiler works here: install gcc or clang, or `pip install ziglang`")
    if not sources():
        raise CannotCompile(f"no C files in {HERE}: the source tree is not whole")
    import time

    unfinished, begun = target.with_name(f"{target.stem}.{os.getpid()}{target.suffix}"), time.time()
    more = [flag for flag in FASTER if _works(command, flag)]
    done = run([*command, *FLAGS, *more, "-o", str(unfinished), *sources()])
    if done.status:
        raise CannotCompile(f"{command[0]} could not compile the packet engine:\n{done.errors[-4000:]}")
    os.utime(unfinished, (begun, begun))  # sources that changed meanwhile are newer
    unfinished.replace(target)
    for left in target.parent.glob(f"{target.stem}*"):
        if left.suffix in (".lib", ".pdb"):  # what zig leaves beside a DLL
            left.unlink()


def run(command: list[str]) -> Ran:
    """Run a command. ziglang's cache goes to a folder for temporary files."""
    import subprocess
    import tempfile

    cache_folder = os.path.join(tempfile.gettempdir(), f"tcptriage-zig-{os.getuid() if hasattr(os, 'getuid') else 0}")
    places = {"ZIG_GLOBAL_CACHE_DIR": cache_folder, "ZIG_LOCAL_CACHE_DIR": cache_folder}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=places | os.environ, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Ran(127, str(error))
    return Ran(done.returncode, done.stderr)


def compiled(at_once: bool = False) -> str:
    """Where the shared library is; in a checkout that has changed it is compiled first, or, where it is wanted
    `at_once`, left aside. Raises CannotCompile."""
    own = os.path.join(HERE, NAME)
    if sources():
        current = _is_current(own)
        if not current and not at_once and system_compiler() is not None:
            from pathlib import Path

            compile_to(Path(own))
        if current or (os.path.exists(own) and not at_once):
            return own
    for folder in (os.path.dirname(os.path.dirname(HERE)), *sys.path):
        if os.path.isfile(library := os.path.join(folder, NAME)):
            return library
    raise CannotCompile("the packet engine was not compiled: install tcptriage again, with a C compiler or ziglang")


def _is_current(target: str) -> bool:
    if not os.path.exists(target):
        return False
    made_of = (entry.stat().st_mtime for entry in os.scandir(HERE) if entry.name.endswith((".c", ".h")))
    return os.stat(target).st_mtime >= max(made_of)
