"""Where the system's pages are not of 4 KiB the heap steps aside, and programs run."""

import os
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
LINE = (
    "shoal: this system's pages are of 16384 bytes, not of 4096: the heap steps aside, "
    "and the program keeps its own allocator\n"
)


@pytest.fixture
def on_large_pages(preload, compile_program):
    """Run a program where pages seem to be of 16 KiB."""
    pages = compile_program(PROGRAMS / "large_pages.c", "-shared", "-fPIC")
    return lambda *command, **options: preload(*command, after=(pages,), **options)


@pytest.mark.parametrize("source", ["malloc_family.c", "thread_storm.c", "fork_in_threads.c"])
def test_a_program_runs_on_libcs_malloc(on_large_pages, preload, compile_program, source):
    program = compile_program(PROGRAMS / source)
    done, alone = on_large_pages(program), preload(program, shoal=False)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout)
    assert done.stderr == LINE + alone.stderr


def test_a_python_runs_on_its_own_allocator(on_large_pages):
    code = "import json, threading; print(len([str(i) for i in range(10**5)]))"
    done = on_large_pages(sys.executable, "-c", code, env={"SHOAL_RUN": str(os.getpid())})
    assert (done.returncode, done.stdout, done.stderr) == (0, "100000\n", LINE)


def test_nothing_is_said_where_the_heap_was_not_asked_for(on_large_pages):
    pytest.importorskip("shoal")
    code = "import shoal\ntry:\n    shoal.install()\nexcept RuntimeError as e:\n    print(e)\n"
    code += "print(len(shoal.usage().classes))"
    done = on_large_pages(sys.executable, "-c", code, shoal=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == (
        "Shoal is made for memory pages of 4 KiB, and this system has others"
    )


def test_the_line_is_said_once_by_each_process(on_large_pages):
    done = on_large_pages("sh", "-c", "env true")
    assert (done.returncode, done.stderr) == (0, LINE * 3)
