"""Lines that are no UTF-8: the encodings that servers still write, found by the error texts in them."""

from __future__ import annotations

from functools import lru_cache

ENCODINGS = ("gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "cp1252")


def decoded(raw: bytes) -> str:
    """A line as text. What is ASCII stays whatever the encoding; what nobody can read becomes a replacement mark."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        low = raw.lower()
        for encoding, needles in _needles():
            if any(needle in low for needle in needles):
                return raw.decode(encoding, "replace")
        return raw.decode("utf-8", "replace")


def encoded_needles(block: bytes) -> tuple[bytes, ...]:
    """What to look for in a block beside the texts in UTF-8: nothing where it is UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return tuple({needle for _, needles in _needles() for needle in needles})
    return ()


def spellings(text: str) -> tuple[str, ...]:
    """A text in small letters as lines may begin it: making bytes small leaves capitals beyond ASCII as they are."""
    begun = text[0].upper() + text[1:]
    return (text,) if text[0].isascii() or begun == text else (text, begun)


@lru_cache(maxsize=1)
def _needles() -> tuple[tuple[str, tuple[bytes, ...]], ...]:
    """The texts of error numbers beyond ASCII, in each encoding that can write them; small as bytes are made small."""
    from playbooks.symptoms.rules import literals

    texts = [spelling for text in literals() if not text.isascii() for spelling in spellings(text)]
    return tuple(
        (encoding, tuple(filter(None, (_encoded(text, encoding) for text in texts)))) for encoding in ENCODINGS
    )


def _encoded(text: str, encoding: str) -> bytes | None:
    try:
        return text.encode(encoding).lower()  # as the bytes of a log are made small, before they are searched
    except UnicodeEncodeError:
        return None
