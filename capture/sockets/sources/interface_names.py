"""What the interfaces of a network namespace are called: by any bytes but those of a blank, `/` and `:`."""

from __future__ import annotations

import os
import socket


def interface_names() -> dict[int, str]:
    """{index: name} of the calling thread's namespace; what is no UTF-8 reads as `\\xff`. Raises OSError."""
    return {index: os.fsencode(name).decode("utf-8", "backslashreplace") for index, name in socket.if_nameindex()}
