"""Captures in stores that fsspec knows (s3://, gs://, https://, zip:// …): paths with `://`. An extra: fsspec itself
comes with tcptriage[fleet], and some stores need a package of their own, which its error names."""

from __future__ import annotations

import errno
import io
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from capture.safe_text import printable
from capture.wire.capture_errors import CaptureUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 4 << 20  # bytes asked of a store at once


class StoredFile(io.RawIOBase):
    """A file of a store, whose library's errors become OSErrors."""

    def __init__(self, file: Any, fs: Any) -> None:
        self._file = file
        self._fs = fs  # it must live as long: an archive's closes it

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there by now into a buffer; how many bytes, 0 at the end."""
        view = memoryview(buffer).cast("B")
        try:
            data = self._file.read(min(len(view), BLOCK))
        except OSError:
            raise
        except Exception as error:  # each store's own kinds
            raise OSError(errno.EIO, printable(f"{type(error).__name__}: {error}", 200)) from error
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Give it back."""
        if not self.closed:
            self._file.close()
        super().close()


def open_stored(path: str) -> BinaryIO:
    """Open a file of a store to be read from its begin. Raises CaptureUnreadable, OSError."""
    fs, name = file_system(path)
    try:
        return cast("BinaryIO", StoredFile(fs.open(name, "rb", block_size=BLOCK), fs))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not error.errno:
            raise FileNotFoundError(errno.ENOENT, "no such file") from error
        raise
    except Exception as error:  # each store's own kinds: a wrong key, a bucket that is not there
        raise CaptureUnreadable(path, printable(f"{type(error).__name__}: {error}", 200), "check the name") from error


def file_system(path: str) -> tuple[Any, str]:
    """The store of a path, and its name there. Raises CaptureUnreadable."""
    try:
        import fsspec
    except ImportError:
        raise CaptureUnreadable(path, "fsspec is not installed", "pip install 'tcptriage[fleet]'") from None
    try:
        return fsspec.core.url_to_fs(path)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:  # a store's own package is missing; no such store
        raise CaptureUnreadable(path, printable(str(error), 200), "check the name") from None
    except Exception as error:
        raise CaptureUnreadable(path, printable(f"{type(error).__name__}: {error}", 200), "check the name") from error
