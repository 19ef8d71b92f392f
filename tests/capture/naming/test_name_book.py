"""Whose name comes first, which ports have one, and what a process belongs to."""

from __future__ import annotations

from pathlib import Path

from capture.naming.name_book import NameBook
from capture.naming.unit_names import unit_of


def etc(root: Path) -> str:
    (root / "etc").mkdir()
    (root / "etc/hosts").write_bytes(
        b"# ours\n10.0.0.5\tdb.internal db # the first name\n10.0.0.5 later\nfe80::1%eth0 router\nnonsense x\n"
        b"10.0.0.6 bad\x1b[31mname\n10.0.0.7\n2001:DB8::5 cache\n\xff\xfe\n"
    )
    (root / "etc/services").write_text("http 80/tcp www\npostgresql 5432/tcp\nntp 123/udp\nodd 40000/tcp\nbad x/tcp\n")
    return str(root)


def test_the_capture_knows_best_then_this_machine_then_the_dns(tmp_path: Path) -> None:
    book = NameBook()
    book.learn_of_dns({"10.0.0.5": "asked.example", "10.0.0.9": "asked.example"})
    book.read_system(etc(tmp_path))
    assert book.of_address("10.0.0.5") == "db.internal"
    assert book.of_address("10.0.0.9") == "asked.example"
    assert book.of_address("2001:db8::5") == "cache"
    assert book.of_address("fe80::1") == "router"
    assert book.of_address("10.0.0.8") == ""
    book.learn_of_capture({"10.0.0.5": "as.captured"})
    assert book.of_address("10.0.0.5") == "as.captured"
    assert book.version == 3


def test_names_are_hostile_text_and_clients_ports_have_none(tmp_path: Path) -> None:
    book = NameBook()
    book.read_system(etc(tmp_path))
    assert "\x1b" not in book.of_address("10.0.0.6")
    assert book.beside("10.0.0.5", 5432) == "db.internal:postgresql"
    assert book.beside("10.0.0.8", 80) == ":http"
    assert book.beside("10.0.0.8", 123) == ""
    assert book.beside("10.0.0.5", 40000) == "db.internal"
    assert book.beside("10.0.0.5", None) == "db.internal"


def test_a_machine_without_these_files_names_nothing(tmp_path: Path) -> None:
    book = NameBook()
    book.read_system(str(tmp_path))
    assert book.beside("10.0.0.5", 80) == ""


def test_a_process_is_of_its_container_or_its_unit(tmp_path: Path) -> None:
    for pid, cgroup, said in (
        (1, "0::/system.slice/nginx.service\n", "nginx.service"),
        (2, "0::/user.slice/user-1.slice/user@1.service/app.slice/web\\x2dapp.service\n", "web-app.service"),
        (3, f"0::/system.slice/docker-{'ab' * 32}.scope\n", "docker abababababab"),
        (4, "0::/user.slice/user-0.slice/session-1.scope\n", ""),
        (5, "12:cpu:/system.slice/cron.service\n11:pids:/\n", "cron.service"),
    ):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(cgroup)
        assert unit_of(pid, str(tmp_path)) == said
    assert unit_of(99, str(tmp_path)) == ""
