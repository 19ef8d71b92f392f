"""The oracle's packets, under the names that the tests of readers use."""

from tests.oracle.packets import Packet as OraclePacket
from tests.oracle.packets import packets_of as oracle_packets

__all__ = ["OraclePacket", "oracle_packets"]
