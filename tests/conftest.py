"""What all tests share: they read English, whatever the locale of who runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from capture.language import choose


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The locale asks for nothing, and no test leaves another language behind."""
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    yield
    choose("en")
