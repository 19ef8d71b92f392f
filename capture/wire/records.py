"""Records of a capture, between container and header decoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.wire.columns import I64, Bool
from capture.wire.feed import Buffer

LARGEST = 1 << 18  # captured bytes of one packet, as libpcap and Wireshark hold it
LARGEST_ASKED = 1 << 24  # … where the file's own snaplen asks for more


@dataclass(frozen=True)
class Records:
    """n packets in a window of a capture. Positions are indices into `buffer`; every array has shape (n,).

    Valid until the next window is asked for: the buffer is used again.
    """

    buffer: Buffer
    first_number: int  # of the first packet, from 1
    begin: I64  # where the captured bytes start
    captured: I64  # how many there are
    original: I64  # how many there were on the wire
    time: I64  # epoch nanoseconds
    offset: I64  # file offset of the record
    link: int | npt.NDArray[np.int32]  # link type of all, or of each
    interface: npt.NDArray[np.int32] | None = None  # where packets come from several

    def __len__(self) -> int:
        return len(self.begin)


def unsigned(buffer: Buffer, width: int, order: str, shift: int = 0) -> npt.NDArray[np.unsignedinteger]:
    """The buffer as overlapping integers: element i is read at byte `i + shift`. No copy."""
    return np.ndarray(
        shape=(max(len(buffer) - width - shift + 1, 0),),
        dtype=f"{order}u{width}",
        buffer=buffer,
        offset=shift if len(buffer) >= width + shift else 0,
        strides=(1,),
    )


def leading(mask: Bool) -> int:
    """How many elements from the first are true."""
    return len(mask) if mask.all() else int(mask.argmin())
