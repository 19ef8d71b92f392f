"""What packed files begin with (RFC 1952 §2.3.1, RFC 8878 §3.1.1); a module of its own, which costs no start."""

from typing import Final

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
