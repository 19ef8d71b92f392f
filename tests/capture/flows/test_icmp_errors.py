"""Which connection an ICMP error is about, by the header that it quotes, and what an ICMPv6 one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from capture.model import Verdict
from capture.triage import triage
from tests.capture.wire import building as make

SYN = 2
CLIENT, SERVER, OTHER, ROUTER = "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::9"


def syn(target: str, seq: int = 1) -> bytes:
    return make.ethernet(make.ipv6(make.tcp(sport=1111, seq=seq, flags=SYN), CLIENT, target), 0x86DD)


def error(about: bytes, code: int, rest: bytes = bytes(4), kind: int = 1) -> bytes:
    return make.ethernet(make.ipv6(bytes([kind, code, 0, 0]) + rest + about[14:], ROUTER, CLIENT, 58), 0x86DD)


def told(folder: Path, *frames: bytes) -> list[Verdict]:
    path = folder / "made.pcap"
    path.write_bytes(make.pcap(frames, step=1000))
    (one,) = triage([str(path)])
    return [one.verdicts.of(i) for i in range(len(one.decoded.flows))]


@pytest.mark.parametrize(
    ("code", "cause", "others"),
    [
        (0, "unreachable", ()),  # no route
        (1, "unreachable", ("refused_by_firewall",)),  # administratively prohibited
        (2, "unreachable", ()),  # beyond the scope of the source address
        (3, "unreachable", ()),  # address unreachable
        (4, "refused_by_firewall", ("unreachable",)),  # port unreachable: no TCP stack says so
        (5, "unreachable", ("refused_by_firewall",)),  # source address failed ingress/egress policy
        (6, "unreachable", ("refused_by_firewall",)),  # reject route
    ],
)
def test_an_icmpv6_error_is_about_the_host_that_it_quotes(
    tmp_path: Path, code: int, cause: str, others: tuple[str, ...]
) -> None:
    one, other = syn(SERVER), syn(OTHER)
    near, far = told(tmp_path, one, other, error(other, code), one)
    assert near.cause != cause
    assert (far.cause, far.alternatives) == (cause, others)
    assert ROUTER in " ".join(each.text for each in far.evidence) + far.sentence


@pytest.mark.parametrize(("frames", "of"), [("abE", 1), ("aEb", 0), ("Eab", 0)])
def test_of_two_connections_of_the_same_ends_the_one_that_had_begun(tmp_path: Path, frames: str, of: int) -> None:
    """Two attempts from the same port, the second with another number after the first was refused."""
    first, second = syn(SERVER), syn(SERVER, 7_000_000)
    refused = make.ethernet(make.ipv6(make.tcp(80, 1111, 0, 2, 0x14), SERVER, CLIENT), 0x86DD)
    pieces = {"a": (first, refused), "b": (second,), "E": (error(second, 0),)}
    path = tmp_path / "made.pcap"
    path.write_bytes(make.pcap([frame for letter in frames for frame in pieces[letter]], step=1000))
    flows = decode([str(path)])[0].flows
    assert len(flows) == 2
    assert list(flows.quoted) == [of]
    (quote,) = flows.quoted[of]
    assert (quote.reporter, quote.icmp_type, quote.icmp_code, quote.ipv6, quote.seq) == (ROUTER, 1, 0, True, 7_000_000)


def test_what_the_next_hop_takes_is_kept(tmp_path: Path) -> None:
    asked, path = syn(SERVER), tmp_path / "made.pcap"
    errors = [error(asked, 0, kind=1), error(asked, 0, (1280).to_bytes(4, "big"), kind=2)]
    path.write_bytes(make.pcap([asked, *errors], step=1000))
    quotes = decode([str(path)])[0].flows.quoted[0]
    assert [(quote.icmp_type, quote.mtu) for quote in quotes] == [(1, None), (2, 1280)]


def test_an_icmpv4_error_names_its_router(tmp_path: Path) -> None:
    asked = make.ipv4(make.tcp(sport=1111, flags=SYN))
    error = make.ipv4(bytes([3, 13]) + bytes(6) + asked[:28], src="192.0.2.9", dst="10.0.0.1", protocol=1)
    (one,) = told(tmp_path, make.ethernet(asked), make.ethernet(error))
    assert (one.cause, one.alternatives) == ("unreachable", ("refused_by_firewall",))
    assert "192.0.2.9" in one.sentence
