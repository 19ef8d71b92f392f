from __future__ import annotations

from pathlib import Path

from capture.sockets.sources.link_counters import SOFTNET, parse_links, parse_softnet

DEV = """Inter-|   Receive                          |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0     0         0      100       2    9    9    0     0       9      0
  eth0:   63748    1012    0    0    0     0     0         0   254048     812    1 5127    0     0       2      0
 br-1: 1 2
"""


def test_what_links_could_not_send() -> None:
    assert parse_links(DEV) == {"link:eth0": 5130}
    assert parse_links("") == {}


def test_the_receive_backlog_s_drops_over_all_processors() -> None:
    assert parse_softnet("00000010 00000005 00000000\n00000020 0000000a 00000001\n\n") == {SOFTNET: 15}
    assert parse_softnet(Path("/proc/net/softnet_stat").read_text()).keys() == {SOFTNET}
