"""Programs of which it is known, to the byte, what each line does to memory."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler import export
from shoal.profiler.model import Function, Line

Measure = Callable[..., dict[str, Line]]

EMPTY = sys.getsizeof(b"")
"""``bytes(n)`` is one block of this and n more."""


def lines_of(path: Path) -> dict[str, Line]:
    """Return the lines that end in a comment of one word, by that word."""
    found: dict[str, Line] = {}
    for function in export.load(path).functions:
        for line in function.lines:
            mark = re.search(r"# (\w+)$", line.text)
            if mark:
                found[mark[1]] = line
    return found


@pytest.fixture(params=["shoal", "pymalloc"])
def measure(request: pytest.FixtureRequest, shoal: Any, tmp_path: Path) -> Measure:
    """Run a program on either heap; return its lines by the word in their comment."""

    def run(source: str) -> dict[str, Line]:
        (tmp_path / "program.py").write_text(textwrap.dedent(source))
        options = ["--allocator", request.param, "--json", "out.json"]
        done = shoal("profile", *options, "program.py")
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return lines_of(tmp_path / "out.json")

    return run


# ---- One line -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [40, 56, 512, 513, 65_534, 65_535, 65_536, 5_000_000])
def test_one_object(measure: Measure, size: int) -> None:
    lines = measure(f"""
        @profile
        def work():
            data = bytes({size - EMPTY}) # make
            return data
        kept = work()
    """)
    line = lines["make"]
    assert (line.live, line.made, line.peak, line.net) == (size, size, size, size)
    assert (line.worst_growth, line.live_blocks, line.hits) == (size, 1, 1)


def test_objects_with_a_header_for_the_collector(measure: Measure) -> None:
    """sys.getsizeof() adds it where there is one."""

    class Slotted:
        __slots__ = ("a", "b", "c")

    class Growing(dict):  # type: ignore[type-arg]
        __slots__ = ()

    lines = measure("""
        class Slotted:
            __slots__ = ("a", "b", "c")
        class Growing(dict):
            __slots__ = ()
        @profile
        def work(box):
            box[0] = Slotted() # slots
            box[1] = Growing() # dict
        kept = [None, None]
        work(kept)
    """)
    assert lines["slots"].live == lines["slots"].peak == sys.getsizeof(Slotted())
    assert lines["dict"].live == lines["dict"].peak == sys.getsizeof(Growing())


def test_a_peak_of_which_nothing_stays(measure: Measure) -> None:
    line = measure("""
        @profile
        def work():
            bytes(3_000_000) # gone
        work()
    """)["gone"]
    assert (line.live, line.net, line.peak) == (0, 0, 3_000_000 + EMPTY)
    assert line.made == line.peak


def test_a_block_that_grows_is_the_lines_that_grows_it(measure: Measure) -> None:
    grown = bytearray(1000)
    grown.extend(bytes(500_000))
    lines = measure("""
        @profile
        def work(more):
            data = bytearray(1000) # make
            data.extend(more) # grow
            return data
        kept = work(bytes(500_000))
    """)
    assert lines["make"].live == bytearray().__sizeof__()
    assert lines["make"].live + lines["grow"].live == sys.getsizeof(grown)
    # The interpreter's cache of methods may drop a name meanwhile.
    assert lines["grow"].net == pytest.approx(500_000, abs=200)


def test_a_line_that_runs_a_million_times(measure: Measure) -> None:
    lines = measure("""
        @profile
        def work(box):
            for _ in range(1_000_000): # loop
                box[0] = bytes(100) # make
        kept = [None]
        work(kept)
    """)
    line, size = lines["make"], 100 + EMPTY
    assert lines["loop"].hits == 1_000_001
    assert line.hits == 1_000_000
    assert (line.made, line.live, line.live_blocks) == (size * 1_000_000, size, 1)
    assert (line.net, line.worst_growth, line.peak) == (size, size, size)


# ---- Lines and functions together -------------------------------------------------------


def test_a_line_that_frees_what_another_made(measure: Measure) -> None:
    lines = measure("""
        @profile
        def work():
            one = bytes(1_000_000) # make
            two = bytes(3_000_000) # keep
            del one # free
            return two
        kept = work()
    """)
    size = 1_000_000 + EMPTY
    assert (lines["make"].live, lines["make"].made, lines["make"].net) == (0, size, size)
    assert lines["keep"].live == 3_000_000 + EMPTY
    assert (lines["free"].net, lines["free"].made, lines["free"].peak) == (-size, 0, 0)


def test_functions_that_call_each_other(measure: Measure) -> None:
    lines = measure("""
        @profile
        def inner():
            return bytes(1_000_000) # inner
        @profile
        def outer(box):
            box[0] = inner() # outer
            box[1] = bytes(2_000) # after
        kept = [None, None]
        inner()
        outer(kept)
        outer(kept)
    """)
    size = 1_000_000 + EMPTY
    assert (lines["inner"].hits, lines["outer"].hits) == (3, 2)
    # Who made it has it: it is not alive twice.
    assert (lines["inner"].live, lines["outer"].live) == (size, 0)
    assert lines["inner"].net == 3 * size
    assert lines["outer"].net == size
    # 3.11 makes an object of a frame to have it traced.
    assert lines["outer"].peak == pytest.approx(size, abs=200)
    assert (lines["after"].live, lines["after"].net) == (2000 + EMPTY, 2000 + EMPTY)


def test_recursion(measure: Measure) -> None:
    lines = measure("""
        @profile
        def down(depth):
            kept[depth] = bytes(10_000) # make
            if depth:
                down(depth - 1) # call
            last[depth] = bytes(500) # after
        kept, last = [None] * 21, [None] * 21
        down(20)
    """)
    size = 10_000 + EMPTY
    assert (lines["make"].hits, lines["call"].hits) == (21, 20)
    assert (lines["make"].live, lines["make"].net) == (21 * size, 21 * size)
    assert (lines["call"].live, lines["call"].net) == (0, 0)
    assert lines["after"].net == 21 * (500 + EMPTY)


def test_exceptions(measure: Measure) -> None:
    lines = measure("""
        @profile
        def fails(depth):
            data = bytes(1_000_000) # lost
            if depth:
                fails(depth - 1)
            raise KeyError(len(data)) # raise
        @profile
        def catches(box):
            try:
                fails(3) # call
            except KeyError:
                box[0] = bytes(2000) # caught
            box[1] = bytes(3000) # after
        kept = [None, None]
        for _ in range(2):
            catches(kept)
        @profile
        def later(box):
            box[0] = bytes(4000) # later
        later(kept)
    """)
    assert (lines["lost"].live, lines["lost"].net) == (0, 8 * (1_000_000 + EMPTY))
    assert lines["call"].hits == 2
    assert lines["call"].net == pytest.approx(4 * (1_000_000 + EMPTY), abs=8 * 1_000_000)
    assert (lines["caught"].hits, lines["caught"].live) == (2, 0)
    assert lines["after"].live == 3000 + EMPTY
    assert (lines["later"].live, lines["later"].net) == (4000 + EMPTY, 2000)


def test_a_generator_that_an_exception_ends(measure: Measure) -> None:
    lines = measure("""
        @profile
        def steps():
            try:
                yield 1 # wait
            except KeyError:
                kept[0] = bytes(1000) # caught
                raise
        @profile
        def after():
            kept[1] = bytes(2000) # after
        kept = [None, None]
        running = steps()
        next(running)
        try:
            running.throw(KeyError)
        except KeyError:
            other = bytes(7_000_000)
        closed = steps()
        next(closed)
        closed.close()
        after()
    """)
    assert (lines["caught"].live, lines["caught"].hits) == (1000 + EMPTY, 1)
    assert abs(lines["wait"].net) < 10_000
    assert lines["after"].net == 2000 + EMPTY


# ---- At the same time ---------------------------------------------------------------------


def test_generators_that_take_turns(measure: Measure) -> None:
    lines = measure("""
        @profile
        def steps(size):
            kept.append(None)
            first = bytes(size) # first
            yield first # wait
            second = bytes(2 * size) # second
            yield second
        kept, got = [], [None] * 4
        small, large = steps(1000), steps(100_000)
        got[0] = next(small)
        got[1] = next(large)
        other = bytes(5_000_000)
        got[2] = next(large)
        got[3] = next(small)
    """)
    assert lines["first"].net == lines["first"].live == 101_000 + 2 * EMPTY
    assert lines["second"].net == lines["second"].live == 202_000 + 2 * EMPTY
    assert lines["first"].peak == 100_000 + EMPTY
    assert (lines["wait"].hits, lines["wait"].live) == (2, 0)
    assert abs(lines["wait"].net) < 1000


def test_coroutines_that_allocate_while_the_other_awaits(measure: Measure) -> None:
    lines = measure("""
        import asyncio
        @profile
        async def work(size):
            await asyncio.sleep(0.01) # wait
            data = bytes(size) # make
            await asyncio.sleep(0.01) # again
            return data
        async def both():
            return await asyncio.gather(work(1_000_000), work(3_000_000))
        kept = asyncio.run(both())
    """)
    assert lines["make"].hits == 2
    assert lines["make"].live == lines["make"].net == 4_000_000 + 2 * EMPTY
    assert lines["make"].peak == 3_000_000 + EMPTY
    for name in ("wait", "again"):
        assert lines[name].hits == 2
        assert abs(lines[name].net) < 10_000
        assert lines[name].peak < 10_000


def test_asynchronous_generators(measure: Measure) -> None:
    lines = measure("""
        import asyncio
        @profile
        async def numbers():
            for size in (1000, 2000):
                data = bytes(size) # make
                yield data # give
        async def use():
            return [(one, bytes(5_000_000)) async for one in numbers()]
        kept = asyncio.run(use())
    """)
    assert lines["make"].live == lines["make"].net == 3000 + 2 * EMPTY
    assert abs(lines["give"].net) < 10_000


def test_threads_in_the_same_function(measure: Measure) -> None:
    lines = measure("""
        import threading
        @profile
        def work(size, box):
            meet.wait()
            box[0] = bytes(size) # make
            meet.wait() # wait
            meet.wait()
        def other():
            meet.wait()
            meet.wait()
            kept.append(bytes(9_000_000))
            meet.wait()
        meet, kept = threading.Barrier(3), []
        boxes = [None], [None]
        threads = [
            threading.Thread(target=work, args=(1_000_000, boxes[0])),
            threading.Thread(target=work, args=(4_000_000, boxes[1])),
            threading.Thread(target=other),
        ]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)
    line = lines["make"]
    assert (line.hits, line.live_blocks) == (2, 2)
    assert line.live == line.net == 5_000_000 + 2 * EMPTY
    assert line.peak == line.worst_growth == 4_000_000 + EMPTY
    assert abs(lines["wait"].net) < 10_000
    assert lines["wait"].peak < 10_000


def test_objects_that_another_thread_frees(measure: Measure) -> None:
    lines = measure("""
        import threading
        @profile
        def make(box):
            box[0] = bytes(1_000_000) # first
            box[1] = bytes(2_000_000) # second
        @profile
        def free(box):
            box[0] = None # free
        kept = [None, None]
        for work in (make, free):
            thread = threading.Thread(target=work, args=(kept,))
            thread.start()
            thread.join()
        kept[1] = None
        make(kept)
        def free_all(): kept.clear()
        thread = threading.Thread(target=free_all)
        thread.start()
        thread.join()
    """)
    one, two = 1_000_000 + EMPTY, 2_000_000 + EMPTY
    assert (lines["first"].live, lines["first"].made) == (0, 2 * one)
    assert (lines["second"].live, lines["second"].made) == (0, 2 * two)
    assert lines["free"].net == -one
    assert lines["first"].live_blocks == lines["second"].live_blocks == 0


# ---- Blocks ------------------------------------------------------------------------------


def test_blocks_in_blocks_and_in_decorated_functions(measure: Measure) -> None:
    lines = measure("""
        def plain(box):
            box[0] = bytes(1000) # before
            with profile:
                box[1] = bytes(2000) # outer
                with profile:
                    box[2] = bytes(3000) # inner
                box[3] = bytes(4000) # again
            box[4] = bytes(5000) # after
        @profile
        def decorated(box):
            with profile:
                box[5] = bytes(6000) # within
            box[6] = bytes(7000) # behind
        kept = [None] * 7
        for _ in range(2):
            plain(kept)
            decorated(kept)
    """)
    for name, size in {"outer": 2000, "inner": 3000, "again": 4000}.items():
        assert (lines[name].hits, lines[name].live) == (2, size + EMPTY), name
    for name, size in {"within": 6000, "behind": 7000}.items():
        assert (lines[name].hits, lines[name].live) == (2, size + EMPTY), name
    assert (lines["before"].hits, lines["after"].hits) == (0, 0)


def test_blocks_of_two_threads_in_the_same_function(measure: Measure) -> None:
    lines = measure("""
        import threading
        def work(box, size):
            meet.wait()
            with profile:
                meet.wait()
                box[0] = bytes(size) # make
                meet.wait()
        meet, boxes = threading.Barrier(2), ([None], [None])
        threads = [threading.Thread(target=work, args=(box, 5000)) for box in boxes]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)
    assert (lines["make"].hits, lines["make"].live) == (2, 2 * (5000 + EMPTY))


# ---- Processes ---------------------------------------------------------------------------


FORK = """
    import os
    @profile
    def work(size):
        data = bytes(size) # make
        return data
    kept = [work(1000) for _ in range(3)]
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        kept.append(work(1000))
    else:
        kept += [work(50_000), work(50_000)]
        kept.pop(0)
"""


def test_the_child_of_a_fork_has_figures_of_its_own(measure: Measure, tmp_path: Path) -> None:
    parent = measure(FORK)["make"]
    assert (parent.hits, parent.live, parent.live_blocks) == (4, 4 * (1000 + EMPTY), 4)
    (path,) = tmp_path.glob("out.json.*")
    child = lines_of(path)["make"]
    assert (child.hits, child.live_blocks) == (2, 2)
    assert child.live == child.made == 2 * (50_000 + EMPTY)
    assert export.load(path).pid == int(path.suffix[1:])


def test_a_fork_within_a_profiled_function(measure: Measure, tmp_path: Path) -> None:
    lines = measure("""
        import os
        @profile
        def work(box):
            box[0] = bytes(1000) # before
            pid = os.fork() # fork
            box[1] = bytes(2000 if pid else 3000) # after
            if pid:
                os.waitpid(pid, 0)
        kept = [None, None]
        work(kept)
    """)
    assert (lines["before"].live, lines["after"].live) == (1000 + EMPTY, 2000 + EMPTY)
    (path,) = tmp_path.glob("out.json.*")
    child = lines_of(path)
    assert (child["before"].hits, child["after"].hits) == (0, 1)
    assert (child["before"].live, child["after"].live) == (0, 3000 + EMPTY)


@pytest.mark.parametrize("ending", ["run(5000)", "pool.map(run, [5000])"])
def test_workers_of_multiprocessing(measure: Measure, tmp_path: Path, ending: str) -> None:
    measure(f"""
        import multiprocessing
        context = multiprocessing.get_context("fork")
        kept = []
        @profile
        def work(size):
            kept.append(bytes(size)) # make
        def run(size):
            if "{ending}"[0] == "p":
                return work(size)
            child = context.Process(target=work, args=(size,))
            child.start()
            child.join()
        work(10)
        with context.Pool(1) as pool:
            {ending}
    """)
    (path,) = tmp_path.glob("out.json.*")
    line = lines_of(path)["make"]
    assert line.hits == 1
    assert 5000 + EMPTY <= line.live < 5000 + EMPTY + 1000


def test_a_child_that_starts_another_program_writes_nothing(
    measure: Measure, tmp_path: Path
) -> None:
    measure("""
        import subprocess, sys
        @profile
        def work():
            return bytes(100) # make
        work()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    """)
    assert not list(tmp_path.glob("out.json.*"))


def test_the_table_on_sigterm_without_any_command(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import time\nfrom shoal import profile\n\n@profile\ndef work():\n"
        "    data = bytes(5_000_000)\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "\nwork()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    rest, _ = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGTERM
    (row,) = (line for line in rest.splitlines() if "bytes(5_000_000)" in line)
    assert row.count("4.8 MiB") >= 2  # alive, and the peak


def test_sigterm_while_the_table_is_written(plain: Any, tmp_path: Path) -> None:
    done = plain(
        "-c",
        textwrap.dedent("""
            import os, signal, sys
            from shoal import profile
            class Stream:
                def write(self, text):
                    os.kill(os.getpid(), signal.SIGTERM)
                    sys.stdout.write(text)
                def flush(self):
                    sys.stdout.flush()
            @profile(stream=Stream())
            def work():
                return 1
            work()
        """),
    )
    assert done.returncode == -signal.SIGTERM
    assert "At the end" in done.stdout


# ---- Resident memory ------------------------------------------------------------------------


def test_resident_memory_of_lines_that_run_often(shoal: Any, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        @profile
        def work():
            data = bytearray(0)
            for size in (80_000_000, 10, 20_000_000):
                del data
                data = bytearray(b"x") * size # make
        work()
    """)
    )
    shoal("profile", "--json", "out.json", "program.py")
    (work,) = export.load(tmp_path / "out.json").functions
    assert isinstance(work, Function)
    line = lines_of(tmp_path / "out.json")["make"]
    before = work.rss_before
    assert before is not None and line.rss is not None and line.rss_peak is not None
    assert line.rss_peak - before == pytest.approx(80_000_000, abs=2_000_000)
    assert line.rss - before == pytest.approx(20_000_000, abs=2_000_000)
