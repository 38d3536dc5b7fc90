"""Whether the running Python has its classes where they are read."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("shoal._inspect", reason="the reader is not built")

from shoal import _inspect, inspect

OTHER = {11: 15, 12: 15, 13: 15, 14: 15, 15: 14}
"""A version whose classes have their names elsewhere."""


def test_the_running_version_is_as_it_is_known() -> None:
    assert _inspect.agrees(sys.version_info.minor)


@pytest.mark.parametrize("minor", [9, 10, OTHER[sys.version_info.minor]])
def test_another_versions_row_does_not_agree(minor: int) -> None:
    assert not _inspect.agrees(minor)


@pytest.mark.parametrize("minor", [8, 99, -1])
def test_a_version_without_a_row_does_not_agree(minor: int) -> None:
    assert not _inspect.agrees(minor)


def test_what_is_no_number() -> None:
    with pytest.raises(TypeError):
        _inspect.agrees("3.11")  # type: ignore[arg-type]


def test_a_process_of_the_same_version_is_read() -> None:
    assert inspect.take(os.getpid()).python.startswith(f"3.{sys.version_info.minor}.")
