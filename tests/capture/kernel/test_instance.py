"""Kernels that lack things, as directories that look like tracefs: what is missing is said, the rest is read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.instance import Instance
from capture.kernel.records import WANTED
from capture.kernel.tracefs import Tracefs, open_tracefs

FORMATS = Path(__file__).parent / "formats"


class Tree(Tracefs):
    """A directory that answers as tracefs does: making an instance fills it."""

    def __init__(self, root: Path, events: list[str]) -> None:
        super().__init__(os.open(root, os.O_RDONLY | os.O_DIRECTORY))
        (root / "instances").mkdir()
        self.tree, self.events = root, events

    def make(self, path: str) -> None:
        super().make(path)
        place = self.tree / path
        for name in ("trace_clock", "buffer_size_kb"):
            (place / name).touch()
        (place / "options").mkdir()
        (place / "options" / "overwrite").touch()
        (place / "per_cpu" / "cpu0").mkdir(parents=True)
        (place / "per_cpu" / "cpu0" / "trace_pipe_raw").touch()
        for event in self.events:
            folder = place / "events" / WANTED[event].path
            folder.mkdir(parents=True)
            shutil.copy(FORMATS / event, folder / "format")
            (folder / "filter").touch()
            (folder / "enable").touch()

    def remove(self, path: str) -> None:
        shutil.rmtree(self.tree / path)


def test_an_old_kernel_gives_what_it_has_and_says_what_it_lacks(tmp_path: Path) -> None:
    tree = Tree(tmp_path, ["inet_sock_set_state", "tcp_send_reset"])
    instance = Instance(tree)
    (place,) = (tmp_path / "instances").iterdir()
    assert (place / "events/tcp/tcp_send_reset/enable").read_text() == "1"
    assert (place / "trace_clock").read_text() == "mono"
    assert len(instance.formats) == 2
    assert len(instance.missing) == len(WANTED) - 2
    assert "sock_send_length: this kernel has no such event" in instance.missing
    instance.close()
    assert list((tmp_path / "instances").iterdir()) == []


def test_a_kernel_without_any_is_refused_and_left_clean(tmp_path: Path) -> None:
    tree = Tree(tmp_path, [])
    with pytest.raises(EventsUnavailable, match="none of the events"):
        Instance(tree)
    assert list((tmp_path / "instances").iterdir()) == []


def test_an_event_without_a_field_it_needs_is_not_used(tmp_path: Path) -> None:
    tree = Tree(tmp_path, ["kfree_skb", "tcp_receive_reset"])
    short = (FORMATS / "kfree_skb").read_text().replace("skb_drop_reason reason;", "skb_drop_reason why;")
    made = tree.make

    def make(path: str) -> None:
        made(path)
        (tmp_path / path / "events/skb/kfree_skb/format").write_text(short)

    tree.make = make  # type: ignore[method-assign]
    instance = Instance(tree)
    assert any(one.startswith("kfree_skb: this kernel's event has no reason") for one in instance.missing)
    instance.close()


def test_a_place_that_holds_no_tracefs_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    tracing = tmp_path / "tracing"
    (tracing / "events").mkdir(parents=True)
    found = open_tracefs((str(tmp_path / "none"), str(tmp_path / "empty"), str(tracing)))
    assert found.names(".") == ["events"]
    found.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open it")
def test_a_user_is_told_to_be_root() -> None:
    with pytest.raises(EventsUnavailable, match="run as root"):
        open_tracefs()
