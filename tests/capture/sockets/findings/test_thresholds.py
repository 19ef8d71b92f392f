import pytest

from capture.sockets.findings.thresholds import Thresholds


def test_each_can_be_set_and_keeps_its_type() -> None:
    changed = Thresholds().changed(["close_wait_s=10", "close_wait_sockets=3"])
    assert (changed.close_wait_s, changed.close_wait_sockets) == (10.0, 3)
    assert changed.fin_wait_2_s == Thresholds().fin_wait_2_s


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("close_wait=3", "did you mean close_wait_s"),
        ("nothing=3", "there are close_wait_s, "),
        ("close_wait_s", "not a number"),
        ("close_wait_sockets=2.5", "not a whole number"),
        ("close_wait_s=-1", "from 0 on"),
        ("close_wait_s=nan", "from 0 on"),
    ],
)
def test_what_cannot_be_set_is_said_in_one_line(setting: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as told:
        Thresholds().changed([setting])
    assert "\n" not in str(told.value)
