"""Programs written for memory_profiler and mprof run with nothing but Shoal behind the names."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")

ALIAS = {"PYTHONPATH": str(Path(__file__).parent / "alias")}

PUBLIC = (
    "CodeMap, LineProfiler, LogFile, MemTimer, MemitResult, TimeStamper, choose_backend, "
    "exec_with_profiler, has_tracemalloc, load_ipython_extension, memory_usage, profile, "
    "run_module_with_profiler, show_results"
)

SCRIPT = """\
import sys
import time

@profile
def work(n):
    data = bytearray(n)
    return len(data)

if __name__ == "__main__":
    assert work(20_000_000) == 20_000_000
    time.sleep(0.05)
    print(sys.argv, __file__)
"""


def test_import_memory_profiler_is_answered_by_shoal(plain: Any) -> None:
    code = f"""
import memory_profiler
from memory_profiler import {PUBLIC}
assert memory_profiler.__name__ == "shoal.memory_profiler"
assert memory_profiler.__version__ == "0.61.0"
from memory_profiler import *
import mprof
assert mprof.__name__ == "shoal.mprof"
for name in ("main", "read_mprofile_file", "run_action", "plot_action", "function_labels"):
    assert callable(getattr(mprof, name)), name
"""
    done = plain("-c", code, env=ALIAS)
    assert done.returncode == 0, done.stderr


def test_importing_it_imports_nothing_heavy(plain: Any) -> None:
    code = """
import sys
import shoal.memory_profiler, shoal.mprof
print(*{"psutil", "IPython", "matplotlib", "argparse", "subprocess", "inspect"} & set(sys.modules))
"""
    assert plain("-c", code).stdout.strip() == ""


def test_python_m_memory_profiler(plain: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = plain("-m", "memory_profiler", "script.py", "-x", "1", env=ALIAS)
    assert done.returncode == 0, done.stderr
    assert "['script.py', '-x', '1'] script.py\n" in done.stdout
    assert "Filename: script.py" in done.stdout
    line = next(line for line in done.stdout.splitlines() if "bytearray" in line)
    assert re.search(r"^ +6 +[\d.]+ MiB +19\.\d{3} MiB +1  ", line)


def test_python_m_mprof_run_records_memory_and_functions(plain: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = plain("-m", "mprof", "run", "-T", "0.02", "-o", "out.dat", "script.py", env=ALIAS)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out.dat").read_text().splitlines()
    assert lines[0].startswith("CMDLINE ")
    assert lines[0].endswith(" script.py")
    assert {line.split()[0] for line in lines[1:]} == {"MEM", "FUNC"}
    assert sum(line.startswith("FUNC __main__.work ") for line in lines) == 1
    read = plain("-c", "import mprof; print(mprof.read_mprofile_file('out.dat'))", env=ALIAS)
    assert "'__main__.work'" in read.stdout


def test_the_actions_read_the_command_line(plain: Any, tmp_path: Path) -> None:
    code = """
import sys, mprof
sys.argv = ["mprof", "--exit-code", "-o", "out.dat", sys.executable, "-c", "raise SystemExit(3)"]
mprof.run_action()
"""
    assert plain("-c", code, env=ALIAS).returncode == 3


@pytest.mark.skipif(not find_spec("mprof"), reason="memory_profiler itself is not installed")
def test_the_old_mprof_reads_what_is_recorded_now(plain: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    assert plain("-m", "shoal.mprof", "run", "-C", "-o", "out.dat", "script.py").returncode == 0
    code = """
import mprof
assert mprof.__name__ == "mprof"
found = mprof.read_mprofile_file("out.dat")
assert found["mem_usage"] and found["cmd_line"].endswith(" script.py\\n"), found
((began, ended, before, after, depth),) = found["func_timestamp"]["__main__.work"]
assert began <= ended and after > 0 and depth == 0, found
"""
    done = plain("-c", code)
    assert done.returncode == 0, done.stderr
