# ruff: noqa: E501 - lines as tcpdump prints them
"""Everything that people paste is read, whole, in any cut; what cannot be read says what to do."""

from __future__ import annotations

import re
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.triage import triage
from capture.wire.text.printed import TextSegment
from capture.wire.text.reader import TextReader, refusal_of
from tests.capture.wire.text.reading import PASTED, pasted, read, without_offsets

FORMS = ["td-nn.txt", "td-nnv.txt", "ts-default.txt", "ts-tabs.txt", "ts-ad.txt", "ts.csv"]
SYN = "12:00:00.000001 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 100, win 64240, options [mss 1460], length 0\n"


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_the_same_packets_tells_the_same_connections(form: str) -> None:
    def told(name: str) -> list[tuple[object, ...]]:
        (done,) = triage([str(PASTED / name)])
        ones = [done.connection(number) for number in range(len(done.decoded.flows))]
        return [
            (one.originator, one.responder, one.packets, one.bytes, one.history, one.verdict.cause, one.first_fin)
            for one in ones
        ]

    assert told(form) == told("s.pcap")


@pytest.mark.parametrize("form", ["html", "nbsp", "tabs", "tshark-ud"])
def test_what_chats_and_word_processors_leave(form: str) -> None:
    found, reader = read(pasted(f"zero-tcp-{form}.txt"))
    assert [(s.sport, s.dport, s.flags, s.length) for s in found][:4] == [
        (55948, 80, 2, 0), (80, 55948, 18, 0), (55948, 80, 16, 0), (55948, 80, 24, 79),
    ]  # fmt: skip
    assert [s.number for s in found] == [3, 4, 5, 6, 7, 10, 11, 12]
    assert reader.packets == 12


@pytest.mark.parametrize("form", FORMS)
def test_whole_lines_are_not_called_broken(form: str) -> None:
    _, reader = read(pasted(form))
    assert {notice.code for notice in reader.notices} <= {"no_date"}


def test_a_form_with_everything_tells_what_the_capture_holds() -> None:
    (syn,), reader = read(pasted("ts-V.txt"))
    assert (syn.number, syn.seq, syn.window, syn.ttl, syn.ip_id, syn.wscale) == (3, 1900377213, 64240, 64, 40482, None)
    assert syn.time == 1795257606139018000
    assert reader.packets == 3


@pytest.mark.parametrize("ending", ["\r", "\r\n", "\n\r"])
def test_other_line_ends(ending: str) -> None:
    text = "".join(pasted("td-nn.txt").splitlines(keepends=True)[:40])
    found, _ = read(text.replace("\n", ending))
    assert len(found) > 10
    assert without_offsets(found) == without_offsets(read(text)[0])


def test_what_a_line_does_not_say_is_unknown() -> None:
    (one,), reader = read(SYN)
    assert (one.ttl, one.ip_id, one.wscale) == (None, None, None)
    assert reader.refusal is None


@pytest.mark.parametrize("width", [66, 72, 76, 78, 80, 90, 100, 120])
@pytest.mark.parametrize("way", ["mail", "terminal", "quoted mail"])
@pytest.mark.parametrize("form", ["td-nn.txt", "td-nnv.txt", "ts-default.txt", "names-truncated.txt"])
def test_wrapped_lines_are_put_together(form: str, way: str, width: int) -> None:
    lines = pasted(form).splitlines()
    broken: list[str] = []
    for line in lines:
        if way == "terminal":
            broken += [line[at : at + width] for at in range(0, len(line), width)]
        else:
            broken += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    before = "> " if way == "quoted mail" else ""
    got, reader = read("".join(f"{before}{line}\n" for line in broken))
    assert without_offsets(got) == without_offsets(read("\n".join(lines))[0])
    assert "wrapped" in {notice.code for notice in reader.notices}


ALL_OF_E = """\
14:23:26.268846 46:a7:92:c2:05:aa > 33:33:00:00:00:16, ethertype IPv6 (0x86dd), length 90: (hlim 1, next-header Options (0) payload length: 36) :: > ff02::16: HBH (rtalert: 0x0000) (padn) [icmp6 sum ok] ICMP6, multicast listener report v2, 1 group record(s) [gaddr ff02::1:ffc2:5aa to_ex { }]
14:23:26.287108 de:b7:e7:86:9f:2e > 46:a7:92:c2:05:aa, ethertype IPv4 (0x0800), length 74: (tos 0x0, ttl 64, id 12097, offset 0, flags [DF], proto TCP (6), length 60)
    10.77.0.1.42322 > 10.77.0.2.80: Flags [SEW], cksum 0x31c0 (correct), seq 4177337510, win 64240, options [mss 1460,sackOK,TS val 3881263953 ecr 0,nop,wscale 10], length 0
14:23:26.303756 de:b7:e7:86:9f:2e > 33:33:ff:86:9f:2e, ethertype IPv6 (0x86dd), length 86: (hlim 255, next-header ICMPv6 (58) payload length: 32) :: > ff02::1:ff86:9f2e: [icmp6 sum ok] ICMP6, neighbor solicitation, length 32, who has fe80::dcb7:e7ff:fe86:9f2e
\t  unknown option (14), length 8 (1):
\t    0x0000:  886c de15 8442
14:23:26.321405 46:a7:92:c2:05:aa > de:b7:e7:86:9f:2e, ethertype IPv4 (0x0800), length 74: (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto TCP (6), length 60)
    10.77.0.2.80 > 10.77.0.1.42322: Flags [S.E], cksum 0x562e (correct), seq 2812865402, ack 4177337511, win 65160, options [mss 1460,sackOK,TS val 724048413 ecr 3881263953,nop,wscale 10], length 0
14:23:26.321449 de:b7:e7:86:9f:2e > 46:a7:92:c2:05:aa, ethertype IPv4 (0x0800), length 66: 10.77.0.1.42322 > 10.77.0.2.80: Flags [.], ack 1, win 63, options [nop,nop,TS val 3881264001 ecr 724048413], length 0
"""


@pytest.mark.parametrize("width", [72, 80, 90, 96, 98, 99, 100, 104, 110, 120, 132])
def test_a_terminal_breaks_the_lines_of_e_and_v_anywhere(width: int) -> None:
    """Some lines are short by themselves, and before the addresses stands an arrow already."""
    broken = [line[at : at + width] for line in ALL_OF_E.splitlines() for at in range(0, len(line), width)]
    assert without_offsets(read("\n".join(broken))[0]) == without_offsets(read(ALL_OF_E)[0])


def test_the_lines_that_a_mail_program_wrapped() -> None:
    found, reader = read(pasted("wrapped-80.txt"))
    assert [(s.flags, s.window, s.length) for s in found] == [
        (2, 64240, 0), (18, 65160, 0), (16, 63, 0), (24, 63, 79), (16, 64, 0), (2, 64240, 0), (18, 65160, 0),
    ]  # fmt: skip
    assert [notice.text for notice in reader.notices][1:] == ["7 packets were on several lines and were put together"]


def test_lines_that_break_off_are_said() -> None:
    _, reader = read(SYN + SYN[:70] + "\n" + SYN)
    assert [notice.text for notice in reader.notices if notice.code == "broken_lines"] == [
        "1 lines break off within a packet"
    ]


@pytest.mark.parametrize("name", [*FORMS, "ts-V.txt", "wrapped-80.txt", "zero-tcp-html.txt", "wireshark-rows.txt"])
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_no_cut_changes_an_answer(name: str, data: st.DataObject) -> None:
    text = (PASTED / name).read_bytes()
    whole, reader = read(text)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=20).map(sorted))
    pieces = TextReader()
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += pieces.feed(text[begin:end])
    assert found + pieces.end() == whole
    assert pieces.notices == reader.notices
    assert pieces.quotes == reader.quotes


def test_byte_by_byte_in_utf_16() -> None:
    text = pasted("td-nn.txt")[:3000].encode("utf-16")
    pieces = TextReader()
    found = [one for byte in text for one in pieces.feed(bytes([byte]))] + pieces.end()
    assert without_offsets(found) == without_offsets(read(pasted("td-nn.txt")[:3000])[0])


def test_a_line_that_came_whole_is_answered_at_once() -> None:
    reader = TextReader()
    assert [len(reader.feed(line + b"\n")) for line in pasted("td-nn.txt").encode().splitlines()[2:6]] == [1, 1, 1, 1]


LINES = [line for path in sorted(PASTED.glob("*.*t*")) for line in path.read_text("utf-8").splitlines()]
mangled = st.lists(
    st.one_of(
        st.sampled_from(LINES),
        st.tuples(st.sampled_from(LINES), st.integers(0, 200), st.text(max_size=12)).map(
            lambda each: each[0][: each[1]] + each[2] + each[0][each[1] :]
        ),
        st.tuples(st.sampled_from(LINES), st.integers(0, 200)).map(lambda each: each[0][: each[1]]),
        st.text(max_size=200),
    ),
    max_size=40,
)


def assert_fits(found: list[TextSegment]) -> None:
    """Every number is one that its field can hold."""
    for segment in found:
        assert 0 <= segment.seq < 1 << 32
        assert 0 <= segment.ack < 1 << 32
        assert 0 <= segment.window <= 0xFFFF
        assert 0 <= segment.sport <= 0xFFFF
        assert 0 <= segment.length < 1 << 31
        assert segment.ttl is None or 0 <= segment.ttl <= 255
        assert segment.wscale is None or 0 <= segment.wscale <= 14
        assert 0 <= segment.time < 1 << 63


@given(lines=mangled, ending=st.sampled_from(["\n", "\r\n", " \n"]))
@settings(max_examples=300, deadline=None)
def test_nothing_that_is_pasted_breaks_it(lines: list[str], ending: str) -> None:
    found, reader = read(ending.join(lines).encode("utf-8", "surrogatepass"))
    assert_fits(found)
    assert [s.number for s in found] == sorted(s.number for s in found)
    assert reader.packets >= len(found)


@pytest.mark.parametrize("number", ["9999999999", "0xffffffff", "300"])
@pytest.mark.parametrize(("form", "lines"), [("td-nnv.txt", 8), ("ts-V.txt", 90), ("ts-ad.txt", 6), ("ts.csv", 6)])
def test_no_number_is_too_large_for_its_field(form: str, lines: int, number: str) -> None:
    text = "".join(pasted(form).splitlines(keepends=True)[-lines:])
    for found in re.finditer(r"0x[0-9a-f]+|\d+", text):
        assert_fits(read(text[: found.start()] + number + text[found.end() :])[0])


@given(st.binary(max_size=4000))
@settings(max_examples=100, deadline=None)
def test_bytes_of_any_kind(data: bytes) -> None:
    read(data)
    refusal_of(data)


@pytest.mark.parametrize(
    "line",
    [
        "x" * 16000 + " > " + "y" * 300,
        "IP (" * 4000,
        "1" * 16000,
        "12:00:00.000000 " * 1000,
        " > : Flags [" * 1300,
        "&" * 16000,
        "<" * 16000,
        "<br " * 4000,
        "1 0.1 " * 2600,
        "1 0.1 10.0.0.1 10.0.0.2 TCP 60 " + "1 > " * 3900,
        "1 0.1 10.0.0.1 10.0.0.2 HTTP 600 GET /",
        "Frame 1: ",
        "[" * 16000,
        "12:00:00.1 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [",
        "> " * 8000,
        ": ICMP " * 2300,
    ],
)
def test_hostile_lines_take_time_in_proportion(line: str) -> None:
    def seconds(times: int) -> float:
        text = (line + "\n").encode() * times
        best = 9.0
        for _ in range(2):
            begin = time.process_time()
            read(text)
            best = min(best, time.process_time() - begin)
        return best

    few = 150_000 // (len(line) + 1)
    once = seconds(few)
    assert once < 1.5
    assert seconds(2 * few) < 3.5 * once + 0.1


@pytest.mark.parametrize(
    ("text", "why", "what"),
    [
        ("zero-tcp-opt-nnq.txt", "tcpdump -q leaves out flags", "without -q"),
        ('[\n  {\n    "_index": "packets",\n    "_source": {\n', "tshark's JSON", "tshark -r"),
        ('<?xml version="1.0"?>\n<pdml version="0">\n', "JSON or XML", "tshark -r"),
        ("hello\n", "it is no capture", "give a pcap"),
        ("1 0.1 10.0.0.1 10.0.0.2 HTTP 600 GET / HTTP/1.1\n", "tell no ports", "copy the TCP rows"),
    ],
)
def test_what_is_not_read_says_what_to_do(text: str, why: str, what: str) -> None:
    _, reader = read(pasted(text) if text.endswith(".txt") else text)
    refusal = reader.refusal
    assert refusal is not None
    assert why in refusal[0]
    assert what in refusal[1]


def test_lines_without_flags_beside_others_are_said() -> None:
    found, reader = read(SYN + "12:00:00.000001 IP 10.0.0.1.5000 > 10.0.0.2.80: tcp 0\n")
    assert len(found) == 1
    assert reader.refusal is None
    assert "no_flags" in {notice.code for notice in reader.notices}


def test_a_text_without_tcp_is_a_capture_all_the_same() -> None:
    _, reader = read("12:00:00.000007 ARP, Request who-has 10.0.0.9 tell 10.0.0.1, length 28\n")
    assert reader.refusal is None
    assert reader.packets == 1
