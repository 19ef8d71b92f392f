"""The part of the build that pyproject.toml cannot say: the engine is compiled, and a wheel fits one platform."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent / "builder"))
from backend import compiling


class BuildWithEngine(build_py):
    """The modules, and the compiled engine beside them."""

    def run(self) -> None:
        """Copy the modules, compile the engine."""
        super().run()
        engine = compiling()
        if self.editable_mode:
            engine.compiled()
            return
        folder = Path(self.build_lib) / "capture" / "engine"
        folder.mkdir(parents=True, exist_ok=True)
        engine.compile_to(folder / engine.NAME)


class WheelForAnyPython(bdist_wheel):
    """The engine knows nothing of Python's versions."""

    def get_tag(self) -> tuple[str, str, str]:
        """Any Python 3 on this platform."""
        return "py3", "none", super().get_tag()[2]


class WithEngine(Distribution):
    """A distribution that fits one platform."""

    def has_ext_modules(self) -> bool:
        """The engine is one, in effect."""
        return True


setup(distclass=WithEngine, cmdclass={"build_py": BuildWithEngine, "bdist_wheel": WheelForAnyPython})
