"""setuptools as the build backend, which asks PyPI for a compiler (ziglang) where this machine has none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from setuptools import build_meta
from setuptools.build_meta import (  # the hooks that stay as they are
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

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


def compiling() -> ModuleType:
    """capture/engine/compiling.py, without what else the package needs."""
    path = Path(__file__).parent.parent / "capture" / "engine" / "compiling.py"
    spec = importlib.util.spec_from_file_location("compiling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compiler() -> list[str]:
    return [] if compiling().compiler() else ["ziglang"]


def get_requires_for_build_wheel(config_settings: dict[str, str] | None = None) -> list[str]:
    """What a build needs beside setuptools."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler()]


def get_requires_for_build_editable(config_settings: dict[str, str] | None = None) -> list[str]:
    """What an editable installation needs beside setuptools."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler()]
