from __future__ import annotations

from pathlib import Path

import pytest

from capture.sockets.sources.settings import KernelSettings, read_settings


@pytest.mark.parametrize(
    ("reserved", "ports"),
    [
        ("", 1000),
        ("5", 1000),
        ("10000", 999),
        ("10990-11010", 990),
        ("1-65535", 0),
        ("10000,10002-10003", 997),
        ("x-y", 1000),
    ],
)
def test_reserved_ports_are_none_to_choose_from(reserved: str, ports: int) -> None:
    settings = KernelSettings(ip_local_port_range=(10_000, 10_999), ip_local_reserved_ports=reserved)
    assert settings.ephemeral_ports == ports


def test_what_cannot_be_read_keeps_the_default(tmp_path: Path) -> None:
    (tmp_path / "ipv4").mkdir()
    (tmp_path / "ipv4/tcp_fin_timeout").write_text("17\n")
    (tmp_path / "ipv4/tcp_tw_reuse").write_text("what\n")
    (tmp_path / "ipv4/ip_local_port_range").write_text("1024\t2047\n")
    settings = read_settings(str(tmp_path))
    assert settings == KernelSettings(tcp_fin_timeout=17, ip_local_port_range=(1024, 2047))
