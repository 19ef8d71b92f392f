"""The text of a host without python3, whole, cut anywhere, and hostile."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.remote.frames import Frame, FrameReader
from capture.remote.host_errors import HostUnreachable
from capture.sockets.inet_diag_msg import local_of, number_at
from capture.sockets.sources.dump_messages import message_spans

TEXT = b"""tcptriage-text 1
== look 1796068000 0
== host
far
== net tcp
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 08 00000000:00000003 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1
   2: damaged
== net tcp6
== net snmp
== setting core/somaxconn
128
== ss
State   Recv-Q  Send-Q  Local Address:Port  Peer Address:Port
LISTEN  1       77      127.0.0.1:8080      0.0.0.0:*
== comm
/proc/7/comm:leaky \x1b[31m
/proc/8/comm:hidden
== limits
/proc/7/limits:Max open files            1024                 4096                 files
== fd
/proc/7/fd:
total 0
lrwx------ 1 0 0 64 Nov 30 20:42 3 -> socket:[4242]
lrwx------ 1 0 0 64 Nov 30 20:42 4 -> socket:[4243]
l-wx------ 1 0 0 64 Nov 30 20:42 5 -> pipe:[1]
== end
"""


def frames(data: bytes, cut: int) -> list[Frame]:
    reader, found = FrameReader(), []
    for at in range(0, len(data), cut):
        found += reader.feed(data[at : at + cut])
    return found


@pytest.mark.parametrize("cut", [1, 13, 100_000])
def test_a_look_of_text_is_a_frame_like_any_other(cut: int) -> None:
    first, second = frames(TEXT + TEXT.partition(b"\n")[2], cut)
    assert first.listeners == second.listeners
    assert first.head.source == "procfs"
    assert (first.head.host, first.head.time, first.head.hidden) == ("far", 1796068000.0, 1)
    assert first.head.holders == {"7": ("leaky \x1b[31m", 3, ("1024", "4096"), [(4242, 3), (4243, 4)])}
    assert first.head.settings["core/somaxconn"].strip() == "128"  # type: ignore[union-attr]
    ((start, _),) = message_spans(first.listeners)
    listener = first.listeners[start + 16 : start + 88]
    assert str(local_of(listener)) == "127.0.0.1:8080"
    assert (number_at(listener, 56), number_at(listener, 60)) == (1, 77)  # the maximum is what ss told
    assert len(list(message_spans(first.connections))) == 1


def test_a_host_without_proc_is_said_to_have_none() -> None:
    with pytest.raises(HostUnreachable, match="neither python3 nor /proc/net/tcp"):
        frames(b"tcptriage-text 1\n== look 1 0\n== net tcp\n== end\n", 1000)


@given(st.lists(st.sampled_from(TEXT.split(b"\n")) | st.binary(max_size=80), max_size=60))
def test_any_text_is_a_frame_or_none(lines: list[bytes]) -> None:
    with contextlib.suppress(HostUnreachable):
        frames(b"tcptriage-text 1\n" + b"\n".join(lines) + b"\n== end\n", 64)
