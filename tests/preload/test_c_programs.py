"""C and C++ programs under LD_PRELOAD: each also runs without Shoal, to the same end."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"

ALIKE = (
    "containers.cc",
    "fork_in_threads.c",
    "malloc_family.c",
    "spawn.c",
    "thread_storm.c",
    "timer_storm.c",
)


def limited(mebibytes: int):
    """Return what makes a child run in so much address space."""
    limit = mebibytes << 20
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@pytest.mark.parametrize("shoal", [False, True], ids=["plain", "shoal"])
@pytest.mark.parametrize("name", ALIKE)
def test_program_runs(compile_program, preload, name: str, shoal: bool) -> None:
    """The program finds nothing wrong."""
    done = preload(compile_program(PROGRAMS / name), shoal=shoal)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("place", ["before", "after"])
def test_constructor_of_another_library(compile_program, preload, place: str) -> None:
    """A library that allocates before anything else has run, and frees after."""
    early = compile_program(PROGRAMS / "early.c", "-shared", "-fPIC")
    done = preload("/bin/echo", "ran", **{place: (early,)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("heap_too", [False, True], ids=["plugin", "plugin-and-heap"])
def test_dlopen_and_dlclose(compile_program, preload, library, heap_too: bool) -> None:
    """Blocks outlive the library that made them; the heap outlives its dlclose."""
    plugin = compile_program(PROGRAMS / "plugin.c", "-shared", "-fPIC")
    loader = compile_program(PROGRAMS / "load_plugins.c")
    done = preload(loader, plugin, library if heap_too else "")
    assert (done.returncode, done.stderr) == (0, "")


def test_dlopen_of_the_heap_alone(compile_program, preload, library) -> None:
    """Opened into a program whose malloc is glibc's, it disturbs nothing."""
    plugin = compile_program(PROGRAMS / "plugin.c", "-shared", "-fPIC")
    loader = compile_program(PROGRAMS / "load_plugins.c")
    done = preload(loader, plugin, library, shoal=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("mebibytes", [64, 256, 512])
@pytest.mark.parametrize("size", [24, 1000, 20000, 1 << 20, 20 << 20])
def test_limit_of_address_space(compile_program, preload, mebibytes: int, size: int) -> None:
    """Most of the address space there is can be used, again and again."""
    program = compile_program(PROGRAMS / "memory_limit.c")
    done = preload(program, size, preexec_fn=limited(mebibytes))
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= mebibytes * (0.5 if size < 1 << 20 else 0.3)


def test_python_in_little_address_space(preload) -> None:
    """MemoryError where there is no memory, and work goes on after it."""
    code = """
import sys
for _ in range(3):
    kept = []
    try:
        while True:
            kept.append([object() for _ in range(10000)] + [bytes(100000)])
    except MemoryError:
        kept.clear()
        print("MemoryError")
print(sum(range(100000)))
"""
    done = preload(sys.executable, "-c", code, preexec_fn=limited(512))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "MemoryError\n" * 3 + "4999950000\n"


@pytest.mark.parametrize("kibibytes", [0, 74, 80, 200])
def test_large_thread_local_variables(compile_program, preload, kibibytes: int) -> None:
    """The thread that looks after the reserve has its stack besides them."""
    program = compile_program(PROGRAMS / "large_tls.c", f"-DTLS_BYTES={(kibibytes << 10) + 64}")
    done = preload(program)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_more_threads(compile_program, preload) -> None:
    """Where no thread can be made it is tried again now and then, not at each free."""
    done = preload(compile_program(PROGRAMS / "no_threads.c", "-rdynamic"))
    assert (done.returncode, done.stderr) == (0, "")


def test_locked_memory(compile_program, preload) -> None:
    """Pages that cannot be returned are not taken for cleared ones."""
    done = preload(compile_program(PROGRAMS / "locked_memory.c"))
    if done.returncode == 77:
        pytest.skip("locking memory is not permitted here")
    assert (done.returncode, done.stderr) == (0, "")
