"""%mprun and %memit, with functions that were defined in the notebook."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")
pytest.importorskip("IPython")

CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.run_line_magic("load_ext", "shoal.memory_profiler")
def cell(text):
    return shell.run_cell(text, store_history=True)
cell("def f(n):\\n    data = bytearray(n)\\n    return len(data)")
"""


@pytest.fixture
def notebook(plain: Any, tmp_path: Path) -> Any:
    """Run cells after one that defines f; return what they print."""

    def run(code: str) -> str:
        done = plain("-c", CELLS + textwrap.dedent(code), env={"IPYTHONDIR": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        printed: str = done.stdout + done.stderr
        return printed

    return run


def test_mprun_shows_a_function_of_the_notebook(notebook: Any, tmp_path: Path) -> None:
    printed = notebook("""
        cell("%mprun -T table.txt -f f f(40 << 20)")
    """)
    assert "data = bytearray(n)" in printed
    table = (tmp_path / "table.txt").read_text()
    assert "40.0 MiB           1       data = bytearray(n)" in table
    assert "saved to text file table.txt" in printed


def test_mprun_returns_the_profiler_and_takes_cells(notebook: Any) -> None:
    printed = notebook("""
        cell("p = get_ipython().run_cell_magic('mprun', '-r -c -f f n = 5', 'f(n)\\\\nf(n)')")
        cell("rows = list(p.code_map.values())[0].values()")
        cell("print(type(p).__name__, 'Occurrences', [row[2] for row in rows])")
        cell("print('profile' in vars(__import__('builtins')))")
    """)
    assert "LineProfiler Occurrences [2, 2, 2]" in printed
    assert printed.rstrip().endswith("False")


def test_mprun_shows_what_was_measured_before_an_error_or_exit(notebook: Any) -> None:
    printed = notebook("""
        cell("%mprun -f f f(10); raise SystemExit")
        cell("%mprun -f f f(10); 1 / 0")
    """)
    assert printed.count("data = bytearray(n)") == 2
    assert "*** SystemExit exception caught in code being profiled." in printed
    assert "ZeroDivisionError" in printed


def test_mprun_says_which_function_it_cannot_profile(notebook: Any) -> None:
    printed = notebook("""
        cell("%mprun -f missing f(10)")
        cell("%mprun -f len f(10)")
    """)
    assert "Could not find function 'missing'." in printed
    assert "no source of len: it is not written in Python" in printed


def test_memit_in_a_line_and_in_a_cell(notebook: Any) -> None:
    printed = notebook("""
        cell("%memit -r 2 x = bytearray(40 << 20)")
        cell("line, body = '-o -q -c -i 0.05 size = 40 << 20', 'y = bytearray(size)\\\\ndel y'")
        cell("r = get_ipython().run_cell_magic('memit', line, body)")
        cell("print(r, '|', r.repeat, r.interval, r.include_children, len(r.mem_usage))")
        cell("r")
    """)
    first, second, shown = printed.splitlines()[:3]
    assert first.startswith("peak memory: ")
    assert 39 < float(first.split("increment: ")[1].split()[0]) < 82
    assert second.endswith("| 1 0.05 True 1")
    assert "<MemitResult : peak memory: " in shown


def test_memit_calls_its_statement_once(notebook: Any) -> None:
    printed = notebook("""
        cell("calls = []")
        cell("%memit -t 1 calls.append(1)")
        cell("print(calls)")
    """)
    assert printed.splitlines()[-1] == "[1]"
