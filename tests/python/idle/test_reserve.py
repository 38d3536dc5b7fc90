"""A process that calls nobody gives its reserve back: by RSS, as another process reads it."""

from __future__ import annotations

import importlib.util
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import shoal.inspect

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20

SOON = 5.0  # seconds after the last thread went idle
LATER = 10.0  # where more than 100 MB is kept
GRACE = 3.0  # for a machine that has other work

PREPARED = """
def tell():
    text = f"{os.getpid()} {time.monotonic()} {before} {field('status', 'VmHWM')}\\n"
    os.write(1, text.encode())
"""
WORKED = """
before = field("smaps_rollup", "Rss")
rounds()
tell()
"""

# How a program waits: what it prepares, how it waits, the module it needs.
WAITS: dict[str, tuple[str, str, str]] = {
    "sleep": ("", "time.sleep(600)", ""),
    "select": ("import select; r, w = os.pipe()", "select.select([r], [], [], 600)", ""),
    "poll": (
        "import select; r, w = os.pipe(); p = select.poll(); p.register(r, 1)",
        "p.poll(600_000)",
        "",
    ),
    "epoll": (
        "import select; r, w = os.pipe(); p = select.epoll(); p.register(r, 1)",
        "p.poll(600)",
        "",
    ),
    "lock": ("import threading; lock = threading.Lock(); lock.acquire()", "lock.acquire()", ""),
    "lock with a timeout": (
        "import threading; lock = threading.Lock(); lock.acquire()",
        "lock.acquire(timeout=600)",
        "",
    ),
    "condition": (
        "import threading; condition = threading.Condition(); condition.acquire()",
        "condition.wait()",
        "",
    ),
    "queue": ("import queue; line = queue.Queue()", "line.get()", ""),
    "simple queue": ("import queue; line = queue.SimpleQueue()", "line.get()", ""),
    "recv": ("import socket; one, other = socket.socketpair()", "one.recv(1)", ""),
    "accept": (
        "import socket; one = socket.create_server(('127.0.0.1', 0))",
        "one.accept()",
        "",
    ),
    "read": ("r, w = os.pipe()", "os.read(r, 1)", ""),
    "child": (
        "import subprocess; child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL)",
        "child.wait()",
        "",
    ),
    "asyncio": (
        "import asyncio\nasync def forever(): tell(); await asyncio.Event().wait()",
        "asyncio.run(forever())",
        "",
    ),
    "uvloop": (
        "import asyncio, uvloop\nasync def forever(): tell(); await asyncio.Event().wait()",
        "loop = uvloop.new_event_loop(); loop.run_until_complete(forever())",
        "uvloop",
    ),
    "gevent": ("import gevent", "gevent.sleep(600)", "gevent"),
}

FORKED = """
before = field("smaps_rollup", "Rss")
rounds()
child = os.fork()
if not child:
    rounds()
tell()
time.sleep(600)
"""
MUCH = """
before = field("smaps_rollup", "Rss")
rounds(1_200_000, 8)
tell()
time.sleep(600)
"""
# Eight threads own blocks, and wait; the main thread frees them.
THREADS = """
import threading
from array import array
from ctypes import CDLL, c_size_t, c_void_p, memset
libc = CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = c_void_p, [c_size_t], [c_void_p]
size, shared, step, never = {size}, array("Q"), threading.Barrier(9), threading.Event()
def make(count):
    for _ in range(count):
        block = libc.malloc(size)
        memset(block, 1, size)
        shared.append(block)
    step.wait()
def own():
    make(1)
    step.wait()
    make((16 << 20) // size // 8)
    never.wait()
for _ in range(8):
    threading.Thread(target=own, daemon=True).start()
step.wait()
before = field("smaps_rollup", "Rss")
step.wait()
step.wait()
for block in shared:
    libc.free(block)
shared = None
tell()
time.sleep(600)
"""
SIZES = (64, 1000, 8000, 30_000)
TWICE = ("forked", "asyncio", "uvloop")
INSTALLED_OR_NOT = ("preloaded", "installed")


def cases() -> dict[str, tuple[str, str, float]]:
    """Return all programs by name: how they get Shoal, their code, and by when they give back."""
    found = {}
    for how in INSTALLED_OR_NOT:
        for name, (prepare, wait, module) in WAITS.items():
            if not module or importlib.util.find_spec(module):
                found[f"{name}, {how}"] = how, f"{prepare}\n{WORKED}\n{wait}", SOON
        found[f"forked, {how}"] = how, FORKED, SOON
        found[f"much, {how}"] = how, MUCH, LATER
    for size in SIZES:
        found[f"threads, {size}"] = "preloaded", THREADS.format(size=size), SOON
    return found


@dataclass(frozen=True)
class Idle:
    """A process that waits: what it had resident before it worked and at most, in bytes."""

    pid: int
    since: float  # time.monotonic
    before: int
    peak: int

    @classmethod
    def of(cls, line: str) -> Idle:
        """Read what a program told."""
        pid, since, before, peak = line.split()
        return cls(int(pid), float(since), int(before) * KIBIBYTE, int(peak) * KIBIBYTE)

    def seen(self) -> Seen:
        """Look at it from outside."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        rss = next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) * KIBIBYTE
        reserve = shoal.inspect.take(self.pid).resident.free_pools
        return Seen(reserve, rss - self.before, max(MEBIBYTE, self.peak // 50))


@dataclass(frozen=True)
class Seen:
    """What an idle process keeps, in bytes."""

    reserve: int
    grown: int  # RSS, over that before it worked
    allowed: int


@pytest.fixture(scope="module")
def seen(programs) -> dict[str, list[Seen]]:
    """Start all programs, wait once, and return what each process keeps.

    Two work at a time: rounds that many others slow down raise no reserve.
    """

    def begin(name: str) -> list[tuple[float, str, Idle]]:
        how, code, within = cases()[name]
        program = programs.start(PREPARED + code, how)
        # Of a parent and its child, each tells; an event loop tells again, when it runs.
        told = [program.stdout.readline() for _ in range(2 if name.split(",")[0] in TWICE else 1)]
        assert all(told), f"{name}: {program.communicate()[1]}"
        processes = {one.pid: one for one in map(Idle.of, told)}
        return [(one.since + within + GRACE, name, one) for one in processes.values()]

    with ThreadPoolExecutor(2) as pool:
        idle = [one for begun in pool.map(begin, cases()) for one in begun]
    found: dict[str, list[Seen]] = {name: [] for _, name, _ in idle}
    for until, name, one in sorted(idle, key=lambda each: each[0]):
        time.sleep(max(0.0, until - time.monotonic()))
        found[name].append(one.seen())
    return found


def check(found: list[Seen]) -> None:
    """Hold each process to the promise: by the heap's own count and by the kernel's."""
    for one in found:
        assert one.reserve <= one.allowed
        # Records of pages, and pages that what the program waits in has pinned.
        assert one.grown <= one.allowed + MEBIBYTE


@pytest.mark.parametrize("how", INSTALLED_OR_NOT)
@pytest.mark.parametrize("wait", WAITS)
def test_whoever_waits_gives_back(seen, wait, how):
    if f"{wait}, {how}" not in seen:
        pytest.skip(f"{wait} is not installed")
    check(seen[f"{wait}, {how}"])


@pytest.mark.parametrize("how", INSTALLED_OR_NOT)
def test_parent_and_child_give_back_after_fork(seen, how):
    assert len(seen[f"forked, {how}"]) == 2
    check(seen[f"forked, {how}"])


@pytest.mark.parametrize("how", INSTALLED_OR_NOT)
def test_whoever_keeps_more_than_100_mb_gives_back_later(seen, how):
    check(seen[f"much, {how}"])


@pytest.mark.parametrize("size", SIZES)
def test_what_idle_threads_own_comes_back_when_another_freed_it(seen, size):
    check(seen[f"threads, {size}"])
