"""Strict accounting of memory (vm.overcommit_memory=2), where reserving is not free.

It changes the whole machine for some seconds, so it runs only when asked for:
SHOAL_TEST_OVERCOMMIT=1, as root. CI's machines are its own; others' may not be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
SETTING = Path("/proc/sys/vm/overcommit_memory")


@pytest.fixture
def strict() -> Iterator[None]:
    """Account strictly while a test runs."""
    if os.environ.get("SHOAL_TEST_OVERCOMMIT") != "1":
        pytest.skip("changes the whole machine: only with SHOAL_TEST_OVERCOMMIT=1")
    before = SETTING.read_text()
    try:
        SETTING.write_text("2\n")
    except OSError as error:
        pytest.skip(f"{SETTING} cannot be set: {error.strerror}")
    try:
        yield
    finally:
        SETTING.write_text(before)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", ["malloc_family.c", "thread_storm.c"])
def test_programs(compile_program, preload, name: str) -> None:
    """The heap starts, and its programs find nothing wrong."""
    done = preload(compile_program(PROGRAMS / name))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("strict")
def test_python(preload) -> None:
    """An interpreter comes up on it and works."""
    code = "kept = [object() for _ in range(500_000)]; print(len(kept))"
    done = preload(sys.executable, "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "500000\n", "")
