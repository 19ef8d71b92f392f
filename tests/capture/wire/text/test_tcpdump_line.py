# ruff: noqa: E501 - lines as programs print them
"""tcpdump's wordings that recordings do not show: version 3, macOS, Windows' pktmon, arrows, ICMP."""

from __future__ import annotations

import pytest

from tests.capture.wire.text.reading import pasted, read

REST = "Flags [S], seq 5, win 64240, options [mss 1460,sackOK,nop,wscale 8], length 0"
PKTMON = f"""\
14:11:05.238842400 PktGroupId 7, PktNumber 1, Appearance 1, Direction Tx , Type Ethernet , Component 10, Edge 1, Filter 1, OriginalSize 66, LoggedSize 66
\t00-15-5D-01-02-03 > 00-15-5D-0A-0B-0C, ethertype IPv4 (0x0800), length 66: 10.0.0.4.50123 > 10.0.0.5.443: {REST}
14:11:05.238844400 PktGroupId 7, PktNumber 1, Appearance 2, Direction Tx , Type Ethernet , Component 4, Edge 1, Filter 1, OriginalSize 66, LoggedSize 66
\t00-15-5D-01-02-03 > 00-15-5D-0A-0B-0C, ethertype IPv4 (0x0800), length 66: 10.0.0.4.50123 > 10.0.0.5.443: {REST}
14:11:05.338844400 PktGroupId 9, PktNumber 1, Appearance 1, Direction Rx , Type Ethernet , Component 4, Edge 1, Filter 1, OriginalSize 60, LoggedSize 60
\t00-15-5D-0A-0B-0C > 00-15-5D-01-02-03, ethertype IPv4 (0x0800), length 60: 10.0.0.5.443 > 10.0.0.4.50123: Flags [R.], seq 0, ack 6, win 0, length 0
"""


def test_pktmon_tells_a_packet_on_two_lines_and_each_component_again() -> None:
    found, reader = read(PKTMON)
    assert [(s.time // 1000, s.src, s.sport, s.dport, s.again) for s in found] == [
        (51065238842, "10.0.0.4", 50123, 443, False),
        (51065238844, "10.0.0.4", 50123, 443, True),
        (51065338844, "10.0.0.5", 443, 50123, False),
    ]
    assert found[0].wscale == 8
    assert reader.packets == 3


@pytest.mark.parametrize("ip", ["", "IP "])
def test_version_3_says_ttl_and_identification_at_the_end(ip: str) -> None:
    found, _ = read(
        f"12:00:00.000001 {ip}10.0.0.1.1024 > 10.0.0.2.80: S 100:100(0) win 5840 <mss 1460,sackOK,timestamp 1 0,nop,wscale 2> (DF) (ttl 46, id 7, len 60)\n"
        f"12:00:00.000002 {ip}10.0.0.2.80 > 10.0.0.1.1024: S 900:900(0) ack 101 win 5792 <mss 1460> (DF) [tos 0x10]  (ttl 64, id 0)\n"
        f"12:00:00.000003 {ip}10.0.0.1.1024 > 10.0.0.2.80: . ack 1 win 5840 (DF) (ttl 46, id 8)\n"
    )
    assert [(s.ttl, s.ip_id, s.flags, s.seq, s.ack) for s in found] == [
        (46, 7, 2, 100, 0), (64, 0, 18, 900, 101), (46, 8, 16, 101, 901),
    ]  # fmt: skip
    assert found[0].wscale == 2
    assert found[0].timestamp


@pytest.mark.parametrize("indent", ["    ", "\t", "\u00a0\u00a0"])
def test_indented_lines_without_times(indent: str) -> None:
    text = "".join(indent + line.lstrip() + "\n" for line in pasted("indented-no-time.txt").splitlines())
    found, reader = read(text)
    assert [s.number for s in found] == [3, 4, 5, 6, 7, 10, 11, 12]
    assert {notice.code for notice in reader.notices} == {"no_time"}


@pytest.mark.parametrize("arrow", ["&gt;", "\u2192", "\u203a", ">"])
def test_arrows(arrow: str) -> None:
    (one,), _ = read(f"12:00:00.000001 IP 10.0.0.1.1024 {arrow} 10.0.0.2.80: {REST}")
    assert (one.src, one.sport, one.dst, one.dport) == ("10.0.0.1", 1024, "10.0.0.2", 80)


def test_line_breaks_of_html() -> None:
    line = f"12:00:00.000001 IP 10.0.0.1.1024 &gt; 10.0.0.2.80: {REST}"
    found, _ = read(f"<pre>{line}<br>{line.replace('1024', '1025')}<br/></pre><p>{line.replace('1024', '1026')}</p>")
    assert [s.sport for s in found] == [1024, 1025, 1026]


def test_a_header_whose_segment_comes_on_the_next_line() -> None:
    (one,), reader = read(pasted("one-packet.txt"))
    assert (one.ttl, one.ip_id, one.flags, one.seq, one.window, one.sport) == (64, 34451, 4, 2596626333, 346, 443)
    assert {notice.code for notice in reader.notices} == {"no_date", "names"}


def test_an_icmp_error_is_about_the_only_conversation_that_it_names() -> None:
    _, reader = read(pasted("names-truncated.txt"))
    assert {(q.reporter, q.icmp_type, q.icmp_code, q.src, q.sport, q.dst, q.dport) for q in reader.quotes} == {
        ("192.0.2.1", 3, 4, "guest", 8443, "laptop", 52012)
    }


def test_two_conversations_that_an_icmp_error_may_be_about_are_none() -> None:
    syn = "12:00:00.000001 IP 10.0.0.1.{} > 10.0.0.2.80: Flags [S], seq 100, win 64240, length 0\n"
    error = "12:00:00.000003 IP 10.0.0.9 > 10.0.0.1: ICMP host 10.0.0.2 unreachable, length 68\n"
    assert len(read(syn.format(1) + error)[1].quotes) == 1
    assert not read(syn.format(1) + syn.format(2) + error)[1].quotes


def test_what_an_icmp_error_quotes_is_no_packet() -> None:
    text = """\
10:11:41.812481 IP (tos 0x0, ttl 64, id 15904, offset 0, flags [DF], proto TCP (6), length 60)
    10.19.1.1.35908 > 10.19.2.2.8116: Flags [S], cksum 0x1757 (incorrect -> 0x3f61), seq 1266629837, win 64240, length 0
10:11:41.812503 IP (tos 0xc0, ttl 64, id 15434, offset 0, flags [none], proto ICMP (1), length 88)
    10.19.1.254 > 10.19.1.1: ICMP host 10.19.2.2 unreachable, length 68
\tIP (tos 0x0, ttl 63, id 15904, offset 0, flags [DF], proto TCP (6), length 60)
    10.19.1.1.35908 > 10.19.2.2.8116: Flags [S], cksum 0x1757 (incorrect -> 0x3f61), seq 1266629837, win 64240, length 0
"""
    found, reader = read(text)
    assert [(s.number, s.ttl) for s in found] == [(1, 64)]
    assert [(q.number, q.sport, q.seq) for q in reader.quotes] == [(2, 35908, 1266629837)]


@pytest.mark.parametrize("checksum", ["", "[icmp6 sum ok] ", "[bad icmp6 cksum 0x0000 -> 0x8112!] "])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("destination unreachable, unreachable port, 2001:db8::2 tcp port 80, length 68", (1, 4, None)),
        ("destination unreachable, unreachable route 2001:db8::2, length 68", (1, 0, None)),
        ("destination unreachable,  unreachable prohibited 2001:db8::2, length 68", (1, 1, None)),
        ("destination unreachable, beyond scope 2001:db8::2, source address 2001:db8::1, length 68", (1, 2, None)),
        ("destination unreachable, unreachable address 2001:db8::2, length 68", (1, 3, None)),
        ("destination unreachable, unknown unreach code (6)", (1, 5, None)),
        ("packet too big, mtu 1280, length 68", (2, 0, 1280)),
        ("time exceeded in-transit for 2001:db8::2, length 68", (3, 0, None)),
    ],
)
def test_an_icmpv6_error_names_its_goal(words: str, told: tuple[int, int, int | None], checksum: str) -> None:
    syn = "22:13:20.000000 IP6 2001:db8::1.5000 > 2001:db8::2.80: Flags [S], seq 100, win 64240, length 0\n"
    _, reader = read(f"{syn}22:13:21.000000 IP6 2001:db8::ff > 2001:db8::1: {checksum}ICMP6, {words}\n")
    assert [(q.src, q.sport, q.dst, q.dport) for q in reader.quotes] == [("2001:db8::1", 5000, "2001:db8::2", 80)]
    assert [(q.icmp_type, q.icmp_code, q.mtu) for q in reader.quotes] == [told]


def test_the_mtu_that_a_router_told_is_kept() -> None:
    syn = "12:00:00.000001 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 100, win 64240, length 0\n"
    error = "12:00:00.100000 IP 10.0.0.9 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), length 36\n"
    _, reader = read(syn + error)
    assert [(q.icmp_type, q.icmp_code, q.mtu) for q in reader.quotes] == [(3, 4, 1400)]
