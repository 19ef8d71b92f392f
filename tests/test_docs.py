"""What docs/configuration.md shows is right."""

from __future__ import annotations

import re
from pathlib import Path

from tui.work.configuration import read_configuration

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


def test_the_configuration_shown_is_read_without_a_complaint(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path = tmp_path / "config.toml"
    path.write_text(shown)
    settings = read_configuration(path)
    assert settings.troubles == ()
    assert settings.keys
    assert settings.columns
    assert settings.thresholds
