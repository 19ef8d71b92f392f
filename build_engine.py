"""Builds the packages and the engine beside them: setuptools' backend, and a shared library in plain C (PEP 517, 660).

A wheel serves every Python of its platform (py3-none-PLATFORM). cc, gcc or clang compile; only where none of them can,
`ziglang` is asked of the package index, whose compiler can. With TCPTRIAGE_WHEEL set to one of TARGETS, it compiles a
wheel for that platform instead, on whatever machine.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

TARGETS = {  # tag of a wheel: ziglang's name of the platform, the library's name there
    "manylinux_2_17_x86_64": ("x86_64-linux-gnu.2.17", "_tcptriage_engine.so"),
    "manylinux_2_17_aarch64": ("aarch64-linux-gnu.2.17", "_tcptriage_engine.so"),
    "musllinux_1_1_x86_64": ("x86_64-linux-musl", "_tcptriage_engine.so"),
    "musllinux_1_1_aarch64": ("aarch64-linux-musl", "_tcptriage_engine.so"),
    "macosx_11_0_x86_64": ("x86_64-macos.11.0", "_tcptriage_engine.dylib"),
    "macosx_11_0_arm64": ("aarch64-macos.11.0", "_tcptriage_engine.dylib"),
}
PACKAGES = ("capture", "playbooks", "tui")
_TARGET, _BASE = "TCPTRIAGE_WHEEL", "TCPTRIAGE_BUILD_BASE"


def _compiling() -> ModuleType:
    """capture/engine/compiling.py, without what else the packages need."""
    path = Path(__file__).resolve().parent / "capture" / "engine" / "compiling.py"
    spec = importlib.util.spec_from_file_location("_tcptriage_compiling", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path}: the source tree is not whole")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compiling = _compiling()


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What building needs beside setuptools: ziglang, where no compiler works or another platform is asked for."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler_wanted()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """The same for an editable install."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler_wanted()]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """A wheel with the engine in it; nothing is left in the source tree, and nothing found there comes along."""
    with _build_elsewhere():
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """An editable install, the engine compiled into the source tree, and the modules: pip does so for other installs.

    Where Python is set to write no bytecode (PYTHONDONTWRITEBYTECODE, as in many containers) each start would compile
    them anew, which takes as long as a small report itself.
    """
    with _build_elsewhere():
        name = str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))
    for package in PACKAGES:
        compileall.compile_dir(Path(__file__).resolve().parent / package, quiet=2)
    return name


install_data: Any = Distribution().get_command_class("install_data")  # distutils' own, as setuptools brings it


class BuildEngine(build_py):
    """Copies the packages as ever, and compiles the engine: beside them, or in place for an editable install."""

    def run(self) -> None:
        """Build into a fresh folder: what an earlier build left would come along."""
        target = _target()
        if self.editable_mode:
            super().run()
            place, name = Path(compiling.HERE), compiling.NAME
        else:
            shutil.rmtree(self.build_lib, ignore_errors=True)
            super().run()
            place, name = Path(self.build_lib), target[1] if target else compiling.NAME
        place.mkdir(parents=True, exist_ok=True)
        zig = compiling.zig_compiler() if target else None
        try:
            compiling.compile_to(place / name, [*zig, *_options(*target)] if zig and target else None)
        except compiling.CannotCompile as error:
            raise SystemExit(str(error)) from None


class ShareFiles(install_data):
    """Installs the files of share/, and writes the man page from the parsers of the tree that is built."""

    def run(self) -> None:
        """The man page, after the files that pyproject.toml names."""
        super().run()
        import capture
        from release.man_page import man_page

        page = Path(self.install_dir, "share", "man", "man1", "tcptriage.1")
        self.mkpath(str(page.parent))
        page.write_text(man_page(capture.__version__), encoding="utf-8")
        self.outfiles.append(str(page))


class PlatformWheel(bdist_wheel):
    """A wheel for every Python on one platform."""

    def initialize_options(self) -> None:
        """Build where the backend says."""
        super().initialize_options()
        base = os.environ.get(_BASE)
        if base:
            self.distribution.get_command_obj("build").build_base = base
            self.bdist_dir = str(Path(base, "wheel"))

    def finalize_options(self) -> None:
        """A library belongs to a platform, as an extension module does."""
        self.distribution.has_ext_modules = lambda: True  # type: ignore[method-assign]
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        """py3-none-PLATFORM."""
        return "py3", "none", os.environ.get(_TARGET) or super().get_tag()[2]


def _options(platform: str, name: str) -> list[str]:
    """For another platform. A dylib bears its own name, which is else the path where it was compiled."""
    return ["-target", platform, *([f"-Wl,-install_name,@rpath/{name}"] if name.endswith(".dylib") else [])]


def _compiler_wanted() -> list[str]:
    return [] if _target() is None and compiling.system_compiler() else ["ziglang"]


def _target() -> tuple[str, str] | None:
    asked = os.environ.get(_TARGET)
    if not asked:
        return None
    if asked not in TARGETS:
        raise SystemExit(f"{_TARGET}={asked}: not one of {', '.join(TARGETS)}")
    return TARGETS[asked]


@contextmanager
def _build_elsewhere() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="tcptriage-build-") as base:
        os.environ[_BASE] = base
        try:
            yield
        finally:
            del os.environ[_BASE]
