"""Programs that fork, start others or are ended by a signal: whose figures are whose."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler import export

from .marked import EMPTY, Measure, lines_of

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
        "    data = bytes(5_000_000)\n    print('ready', flush=True)\n"
        "    while True: time.sleep(0.1)\n"  # Since 3.14 what comes before a sleep waits for it.
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
