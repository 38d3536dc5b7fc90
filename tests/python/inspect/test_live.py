"""Processes that run, whose contents are known."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("shoal._inspect", reason="the reader is not built")

from shoal import inspect
from shoal.inspect.diagnosis import diagnose
from shoal.inspect.snapshot import FREE_POOL, Snapshot
from shoal.inspect.snapshot_json import from_json, load

Start = Callable[..., int]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

KEEP = """
import collections, gc, sys, types
app = types.ModuleType("app"); models = types.ModuleType("app.models")
exec('''
class Session:
    __slots__ = ("number",)
class Plain:
    pass
''', models.__dict__)
"""


def numbers(snapshot: Snapshot) -> dict[str, int]:
    """Return how many blocks there are of each type."""
    return {used.name: used.blocks for used in snapshot.types}


def grew(start: Start, make: str, **names: int) -> dict[str, int]:
    """Return by how many blocks types grew, for names that a program makes many of."""
    without, with_them = (
        numbers(inspect.take(start(f"{KEEP}{code}\ngc.collect()")))
        for code in ("", textwrap.dedent(make))
    )
    return {name: with_them.get(name, 0) - without.get(name, 0) for name in names}


# ---- Truth -------------------------------------------------------------------------------


DEBUGMALLOCSTATS = """
import os, sys, tempfile
kept = [str(at) * (at % 40) for at in range(200_000)]
kept = [text for at, text in enumerate(kept) if at % 7]
more = [{at: [at]} for at in range(20_000)]
err = os.dup(2)
file = tempfile.TemporaryFile()
os.dup2(file.fileno(), 2)
sys._debugmallocstats()
os.dup2(err, 2)
os.lseek(file.fileno(), 0, 0)
open("stats", "wb").write(os.read(file.fileno(), 1 << 20))
"""


def test_live_bytes_are_those_of_debugmallocstats(start: Start, tmp_path: Path) -> None:
    snapshot = inspect.take(start(DEBUGMALLOCSTATS))
    text = (tmp_path / "stats").read_text()
    live = int(re.search(r"# bytes in allocated blocks += +([\d,]+)", text)[1].replace(",", ""))
    arenas = int(re.search(r"# arenas allocated current += +([\d,]+)", text)[1].replace(",", ""))
    assert snapshot.live_bytes == pytest.approx(live, rel=0.001)
    assert len(snapshot.arenas) == arenas
    assert snapshot.pools_inconsistent == 0


def interpreter(version: str) -> str:
    """Return a Python of this machine that can be read; "" for the distribution's."""
    if not version:
        path = "/usr/bin/python3"
    else:
        tool = Path(__file__).parents[3] / "tools" / "pythons.py"
        command = [sys.executable, str(tool), version]
        path = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    if not path or not os.path.exists(path):
        pytest.skip(f"no {path or version}")
    return path


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", ""])
def test_every_python(start: Start, tmp_path: Path, version: str) -> None:
    code = KEEP + DEBUGMALLOCSTATS + "objects = [models.Session() for _ in range(20_011)]\n"
    pid = start(code, python=interpreter(version))
    snapshot = inspect.take(pid)
    text = (tmp_path / "stats").read_text()
    live = int(re.search(r"# bytes in allocated blocks += +([\d,]+)", text)[1].replace(",", ""))
    assert numbers(snapshot)["app.models.Session"] == 20_011
    (session,) = (used for used in snapshot.types if used.name == "app.models.Session")
    # The sessions, and no more than the list of them, were made after the count.
    assert snapshot.live_bytes - session.bytes == pytest.approx(live, rel=0.001)


def test_a_heap_that_changes_while_it_is_read(start: Start) -> None:
    pid = start(
        KEEP
        + """
import threading
kept = [models.Session() for _ in range(100_000)]
def churn():
    while True:
        made = [[at] for at in range(20_000)]
threading.Thread(target=churn, daemon=True).start()
"""
    )
    for _ in range(10):
        snapshot = inspect.take(pid)
        assert numbers(snapshot)["app.models.Session"] == pytest.approx(100_000, rel=0.01)
        # A fifth of the pools comes and goes; in 3.9 whole arenas do.
        assert snapshot.pools_inconsistent <= snapshot.pools_read // 3


def test_types_are_exact(start: Start) -> None:
    # What the program makes is what is there more, but for the insides of lists.
    found = grew(
        start,
        """
        a = [models.Session() for _ in range(10_007)]
        b = [(at, at) for at in range(-1_000_000, -1_000_000 + 5_003)]
        c = [{} for _ in range(4_001)]
        d = [float(at) + 0.5 for at in range(3_011)]
        e = [set() for _ in range(2_003)]
        """,
        **{"app.models.Session": 0, "tuple": 0, "float": 0, "set": 0, "dict": 0},
    )
    assert found["app.models.Session"] == 10_007
    assert found["tuple"] == pytest.approx(5_003, abs=10)
    assert found["float"] == pytest.approx(3_011, abs=10)
    assert found["set"] == pytest.approx(2_003, abs=10)
    assert found["dict"] == pytest.approx(4_001, abs=10)


@pytest.mark.parametrize(
    ("make", "name", "count"),
    [
        ("[f'text {at}' for at in range(6_001)]", "str", 6_001),
        ("[f'text {at} ' * 9 for at in range(5_001)]", "str", 5_001),
        ("[f'\\u00e9{at}' for at in range(4_003)]", "str", 4_003),
        ("[f'\\u1234{at}' for at in range(5_003)]", "str", 5_003),
        ("[f'\\U0001f40d{at}' for at in range(5_009)]", "str", 5_009),
        ("[b'%d' % at for at in range(4_001)]", "bytes", 4_001),
    ],
)
def test_texts_are_exact(start: Start, make: str, name: str, count: int) -> None:
    found = grew(start, f"kept = {make}", **{name: 0})
    assert found[name] == pytest.approx(count, abs=20)  # The code itself has some.


def test_texts_that_are_there_for_good(start: Start) -> None:
    names = "';'.join(f'name_{at} = 1' for at in range(3_007))"
    found = grew(start, f"kept = compile({names}, '', 'exec')", str=0)
    assert 3_007 <= found["str"] < 3_400  # The compiler leaves some.


@pytest.mark.parametrize(
    ("make", "name", "count"),
    [
        ("[models.Plain() for _ in range(3_001)]", "app.models.Plain", 3_001),
        ("[(lambda: 0) for _ in range(2_001)]", "function", 2_001),
        ("[ValueError(at) for at in range(1_201)]", "ValueError", 1_201),
        ("[collections.OrderedDict() for _ in range(1_301)]", "collections.OrderedDict", 1_301),
        ("[collections.deque() for _ in range(1_301)]", "collections.deque", 1_301),
        ("[{at: at} for at in range(2_203)]", "dict", 2_203),
        ("[[at] for at in range(7_001)]", "list", 7_001),
        ("[frozenset((at,)) for at in range(1_401)]", "frozenset", 1_401),
    ],
)
def test_objects_are_exact(start: Start, make: str, name: str, count: int) -> None:
    found = grew(start, f"kept = {make}", **{name: 0})
    assert found[name] == pytest.approx(count, abs=10)


def test_what_pins_the_emptiest_arenas(start: Start) -> None:
    pid = start(
        KEEP
        + """
kept = [(models.Plain(), [at] * 9) for at in range(60_000)]
kept = [pair[0] for at, pair in enumerate(kept) if at % 500 == 0]
gc.collect()
"""
    )
    snapshot = inspect.take(pid)
    assert snapshot.resident.held > 2 * snapshot.resident.live
    assert 0 < snapshot.needed < snapshot.resident.heap
    pins = {pinning.name: pinning for pinning in snapshot.pinning}
    assert pins["app.models.Plain"].blocks == pytest.approx(120, abs=30)
    assert pins["app.models.Plain"].arenas >= 5


def test_the_example_of_the_readme() -> None:
    program = Path(__file__).parents[3] / "examples" / "service.py"
    command = [sys.executable, str(program), "60000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            sessions = int(child.stdout.readline().split()[0])
            snapshot = inspect.take(child.pid)
        finally:
            child.kill()
    pins = {pinning.name: pinning for pinning in snapshot.pinning}
    assert numbers(snapshot)["__main__.Session"] == pytest.approx(sessions, abs=1)
    assert pins["__main__.Session"].blocks == pytest.approx(sessions, abs=sessions // 10)
    assert diagnose(snapshot).kind == "fragmentation"
    assert snapshot.returnable > snapshot.resident.heap // 2


# ---- Figures that must fit each other -------------------------------------------------------


def test_figures_fit_each_other(start: Start) -> None:
    snapshot = inspect.take(start(KEEP + "kept = [[at] for at in range(100_000)][::3]"))
    resident = snapshot.resident
    assert snapshot.pid > 0
    assert snapshot.python == ".".join(map(str, sys.version_info[:3]))
    assert snapshot.command[0] == sys.executable
    live = sum(used.live_bytes for used in snapshot.size_classes)
    assert snapshot.live_bytes == live == resident.live
    assert snapshot.live_blocks == sum(used.live_blocks for used in snapshot.size_classes)
    # Large blocks' rests of pages are in `resident`.
    assert sum(used.bytes for used in snapshot.types) == pytest.approx(resident.used, abs=65536)
    assert snapshot.page_free_bytes >= sum(a.page_free_bytes for a in snapshot.arenas)
    assert snapshot.pools_read >= sum(arena.pools for arena in snapshot.arenas)
    places = sum(arena.places(snapshot.pool_bytes) for arena in snapshot.arenas)
    assert len(snapshot.occupancy) == places
    used = sum(place != FREE_POOL for place in snapshot.occupancy)
    assert used == sum(arena.pools for arena in snapshot.arenas)
    parts = resident.heap + resident.large + resident.records + resident.file_backed
    parts += resident.mapped_files
    assert parts + resident.stacks + resident.libraries + resident.other == resident.total


def test_reading_changes_nothing(start: Start) -> None:
    pid = start(KEEP + "kept = [[at] for at in range(100_000)][::40]")
    looks = [inspect.take(pid) for _ in range(3)]
    first, last = looks[0], looks[-1]
    # What was never used would else be a page of zeros, and free, from the second look on.
    assert first.page_free_bytes == last.page_free_bytes > 0
    assert first.arenas == last.arenas
    assert last.resident.total - first.resident.total == pytest.approx(0, abs=65536)
    for arena in first.arenas:
        assert arena.live_bytes <= arena.used_bytes <= arena.bytes
        assert arena.page_free_bytes <= arena.resident_bytes - arena.live_bytes


def test_large_blocks_and_stacks(start: Start) -> None:
    before = inspect.take(start("")).resident
    after = inspect.take(
        start(
            """
import threading
big = bytearray(30 << 20), bytearray(10 << 20)
for _ in range(3):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
        )
    ).resident
    assert after.large - before.large == pytest.approx(40 << 20, rel=0.02)
    assert after.stacks >= before.stacks + 3 * 4096
    assert after.other < before.other + (1 << 20)


def test_freeze(start: Start) -> None:
    snapshot = inspect.take(
        start(
            """
import threading
def churn():
    while True:
        kept = [[at] for at in range(10_000)]
threading.Thread(target=churn, daemon=True).start()
"""
        ),
        freeze=True,
    )
    assert 0 < snapshot.longest_stop_seconds <= snapshot.frozen_seconds
    assert snapshot.pools_inconsistent <= 1 + snapshot.pools_read // 100


def test_a_large_heap_is_read_in_batches(start: Start) -> None:
    snapshot = inspect.take(start("kept = [bytes(400) for at in range(400_000)]"), freeze=True)
    batches = sum(arena.bytes for arena in snapshot.arenas) / (32 << 20)
    assert batches > 4
    assert batches <= snapshot.stops < 2 * batches
    assert snapshot.longest_stop_seconds < snapshot.frozen_seconds


def test_the_process_goes_on(start: Start, tmp_path: Path) -> None:
    pid = start(
        """
import threading, time
def tick():
    number = 0
    while True:
        number += 1
        open("new", "w").write(str(number)); import os; os.replace("new", "ticks")
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
time.sleep(0.2)
"""
    )
    for freeze in (False, True):
        inspect.take(pid, freeze=freeze)
        before = int((tmp_path / "ticks").read_text())
        for _ in range(1000):
            if int((tmp_path / "ticks").read_text()) > before:
                break
            time.sleep(0.01)
        else:
            pytest.fail("it has stopped")


# ---- The command --------------------------------------------------------------------------


def test_the_command(start: Start, shoal: Run) -> None:
    pid = start(KEEP + "kept = [models.Session() for _ in range(50_000)]")
    done = shoal("inspect", str(pid))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^app.models.Session +50,000 +", done.stdout, re.M)
    done = shoal("inspect", str(pid), "--json", "-o", "a.json")
    assert (done.returncode, done.stdout) == (0, "")
    done = shoal("inspect", str(pid), "--map", "-o", "map.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_look_is_kept(start: Start, shoal: Run, tmp_path: Path) -> None:
    pid = start(KEEP)
    shoal("inspect", str(pid), "--json", "-o", "a.json")
    snapshot = load(tmp_path / "a.json")
    assert snapshot.pid == pid
    assert abs(snapshot.taken - time.time()) < 300


def test_a_leak_shows(start: Start, shoal: Run) -> None:
    pid = start(
        KEEP
        + """
import threading, time
kept = []
def leak():
    while True:
        kept.extend(models.Session() for _ in range(3_000))
        time.sleep(0.01)
threading.Thread(target=leak, daemon=True).start()
"""
    )
    done = shoal("inspect", str(pid), "--watch", "0.5", "--count", "4")
    assert done.returncode == 0
    assert done.stderr == f"shoal inspect: watching process {pid}; ^C ends it\n"
    assert "Leak-like: app.models.Session grew from each of 4 looks to the next" in " ".join(
        done.stdout.split()
    )


def test_a_watch_is_ended_by_an_interrupt(start: Start, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shoal", "inspect", str(start("")), "--watch", "0.1"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 0
    assert errors.count("\n") == 1


def test_watching_as_json(start: Start, shoal: Run) -> None:
    done = shoal("inspect", str(start("")), "--watch", "0.1", "--count", "3", "--json")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    taken = [from_json(line).taken for line in lines]
    assert taken == sorted(taken)
    assert len(set(taken)) == 3


def test_a_watch_ends_with_its_process(shoal: Run, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(3)"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    done = shoal("inspect", str(child.pid), "--watch", "0.2")
    child.communicate()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] in (
        f"shoal inspect: process {child.pid} ended while it was read",
        f"shoal inspect: process {child.pid} has ended",
    )
    assert "After" in done.stdout


# ---- What cannot be read --------------------------------------------------------------------


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("shoal inspect: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("pid", [-(2**40), -1, 0, 2**22 + 1, 2**31, 2**40])
def test_no_such_process(pid: int) -> None:
    with pytest.raises(ProcessLookupError, match=f"^no such process: {pid}$"):
        inspect.take(pid)


def test_what_is_not_a_python(shoal: Run) -> None:
    child = subprocess.Popen(["sleep", "100"])
    try:
        time.sleep(0.1)
        assert "not a Python" in one_line(shoal("inspect", str(child.pid)))
    finally:
        child.kill()
        child.wait()


def test_a_python_without_pymalloc(start: Start, shoal: Run) -> None:
    environment = {**os.environ, "PYTHONMALLOC": "malloc"}
    said = one_line(shoal("inspect", str(start("", env=environment))))
    assert "they seem to be in the C library's malloc (PYTHONMALLOC=malloc)" in said


@pytest.mark.skipif(sys.version_info < (3, 13), reason="it has no mimalloc")
@pytest.mark.parametrize("value", ["mimalloc", "mimalloc_debug"])
def test_a_python_on_its_own_mimalloc(start: Start, shoal: Run, value: str) -> None:
    environment = {**os.environ, "PYTHONMALLOC": value}
    said = one_line(shoal("inspect", str(start("", env=environment))))
    assert f"in mimalloc, which Python has built in (PYTHONMALLOC={value})" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every process")
def test_another_users_process(shoal: Run) -> None:
    assert re.search("CAP_SYS_PTRACE|ptrace", one_line(shoal("inspect", "1")))


def test_a_kernel_thread_or_zombie(shoal: Run) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    done = shoal("inspect", str(child.pid))
    child.wait()
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


# ---- On Shoal -------------------------------------------------------------------------------


ON_SHOAL = """
import json, shoal
kept = [models.Session() for _ in range(50_000)]
big = bytearray(8 << 20)
more = [bytearray(3_000) for at in range(3_000)]
more = more[::10]
shoal.usage()  # Which imports what it needs.
gc.collect()
usage = shoal.usage()
json.dump([usage.live, usage.held], open("usage", "w"))
"""


def test_a_process_on_shoal(start: Start, tmp_path: Path) -> None:
    snapshot = inspect.take(start(KEEP + ON_SHOAL, before=("-m", "shoal", "run")))
    live, held = json.loads((tmp_path / "usage").read_text())
    resident = snapshot.resident
    assert snapshot.allocator == "shoal"
    assert numbers(snapshot)["app.models.Session"] == 50_000
    assert snapshot.live_bytes + resident.large_mapped == pytest.approx(live, abs=200_000)
    assert resident.live == snapshot.live_bytes
    assert resident.held == pytest.approx(held, abs=1 << 20)
    assert snapshot.returnable <= resident.held


def test_a_process_that_took_shoal_later(start: Start, tmp_path: Path) -> None:
    before = "before = [models.Session() for _ in range(30_000)]\nimport shoal; shoal.install()"
    snapshot = inspect.take(start(KEEP + before + ON_SHOAL))
    assert snapshot.allocator == "shoal"
    assert numbers(snapshot)["app.models.Session"] == 80_000
    # Pools of 16 KiB are pymalloc's, of which all that is live is resident.
    assert snapshot.resident.live == snapshot.live_bytes


def test_what_could_be_given_back_is_what_is_given_back(start: Start, tmp_path: Path) -> None:
    pid = start(
        KEEP
        + """
import json, os, random, shoal, threading, time
kept = [(models.Plain(), str(at) * 3, [at]) for at in range(100_000)]
kept = [one for at, one in enumerate(kept) if at % 500 == 0]
shoal.usage()  # Which imports what it needs. A collection would give back, too.
def trim():
    while not os.path.exists("look"):
        time.sleep(0.01)
    before = shoal.usage().rss.total
    shoal.trim()
    gone = before - shoal.usage().rss.total
    json.dump(gone, open("new", "w"))
    os.replace("new", "gone")
threading.Thread(target=trim, daemon=True).start()
""",
        before=("-m", "shoal", "run"),
        env={**os.environ, "SHOAL_RELEASE": "never"},
    )
    snapshot = inspect.take(pid)
    (tmp_path / "look").touch()
    limit = time.monotonic() + 60
    while not (tmp_path / "gone").exists() and time.monotonic() < limit:
        time.sleep(0.01)
    gone = json.loads((tmp_path / "gone").read_text())
    assert gone > 10 << 20
    assert snapshot.returnable == pytest.approx(gone, rel=0.03)
