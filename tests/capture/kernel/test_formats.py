from __future__ import annotations

from pathlib import Path

import pytest

from capture.kernel.formats import Place, parse_format
from capture.kernel.records import WANTED

FORMATS = Path(__file__).parent / "formats"  # of Linux 6.18, as they were read

BEFORE_REASONS = """\
name: tcp_send_reset
ID: 1571
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:const void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;
\tfield:int state;\toffset:24;\tsize:4;\tsigned:1;
\tfield:__u16 sport;\toffset:28;\tsize:2;\tsigned:0;
\tfield:__u16 dport;\toffset:30;\tsize:2;\tsigned:0;
\tfield:__u16 family;\toffset:32;\tsize:2;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:34;\tsize:4;\tsigned:0;
\tfield:__u8 daddr[4];\toffset:38;\tsize:4;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:42;\tsize:16;\tsigned:0;
\tfield:__u8 daddr_v6[16];\toffset:58;\tsize:16;\tsigned:0;

print fmt: "skbaddr=%p", REC->skbaddr
"""


@pytest.mark.parametrize("name", list(WANTED))
def test_each_wanted_event_of_a_current_kernel_has_what_it_needs(name: str) -> None:
    form = parse_format((FORMATS / name).read_text())
    assert form.has(*WANTED[name].needs)
    assert WANTED[name].filter(form) != ""


def test_fields_lie_where_the_kernel_says() -> None:
    form = parse_format((FORMATS / "tcp_send_reset").read_text())
    assert form.id == 2280
    assert form.fields["skaddr"] == Place(16, 8)
    assert form.fields["reason"] == Place(28, 4)
    assert form.fields["daddr"] == Place(60, 28)
    assert form.fields["common_pid"] == Place(4, 4)


def test_symbols_belong_to_their_field() -> None:
    form = parse_format((FORMATS / "tcp_send_reset").read_text())
    assert form.symbols["reason"][11] == "TCP_ABORT_ON_CLOSE"
    assert form.symbols["reason"][1] == "NO_SOCKET"
    assert 11 not in form.symbols.get("state", {})  # printed by macros here: numbers without a name


def test_an_older_kernels_reset_has_ports_and_no_reason() -> None:
    form = parse_format(BEFORE_REASONS)
    assert form.has(*WANTED["tcp_send_reset"].needs)
    record = bytearray(74)
    record[28:32] = (9100).to_bytes(2, "little") + (40000).to_bytes(2, "little")
    record[32:34] = (2).to_bytes(2, "little")
    record[34:42] = bytes((10, 0, 0, 1, 10, 0, 0, 9))
    said = WANTED["tcp_send_reset"].decode(form, bytes(record))
    assert (str(said.local), str(said.remote), said.reason) == ("10.0.0.1:9100", "10.0.0.9:40000", None)


def test_drops_are_chosen_by_the_names_of_this_kernel() -> None:
    form = parse_format((FORMATS / "kfree_skb").read_text())
    chosen = WANTED["kfree_skb"].filter(form)
    assert chosen is not None
    assert "reason==12 " in chosen  # NETFILTER_DROP
    assert "reason==3 " not in chosen  # NO_SOCKET: the noise of closed ports
    assert WANTED["kfree_skb"].filter(form._replace(symbols={})) == ""


@pytest.mark.parametrize("text", ["", "name: x\n", "ID: x"])
def test_what_is_no_format_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no event id"):
        parse_format(text)
