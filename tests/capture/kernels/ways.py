"""The same work done twice: by the compiled kernels, and by their twins in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from msgspec import Struct

from capture import kernels

T = TypeVar("T")
compiled = pytest.mark.skipif(kernels.KERNELS is None, reason="the kernels were not compiled")


def both_ways(work: Callable[[], T]) -> tuple[T, T]:
    """What `work` gives with the kernels, and without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "KERNELS", None)
        plain = work()
    return work(), plain


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal through and through: types and shapes of arrays too."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        assert one.shape == other.shape, where
        differing = np.flatnonzero(one.reshape(-1) != other.reshape(-1)).tolist()
        assert not differing, f"{where}: {one.reshape(-1)[differing]}, not {other.reshape(-1)[differing]}, {differing}"
    elif isinstance(one, Struct):
        for name in one.__struct_fields__:
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{where}[{place}]")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key!r}]")
    else:
        assert one == other, where
