"""No static TLS left: one line that says what to do, and what it says helps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = """
static __thread char block[BYTES] __attribute__((tls_model("initial-exec")));
char *here(void) { return block; }
"""

USE_UP = """
import ctypes, shutil
def use_up():
    room = 2500  # bytes: more than there is, but for GLIBC_TUNABLES
    for size, library in {libraries}.items():
        for number in range(room // size):
            copy = shutil.copy(library, f"{{size}}-{{number}}.so")
            try:
                ctypes.CDLL("./" + copy)
            except OSError as error:
                assert "static TLS" in str(error)
                break
            room -= size
"""

TUNABLE = "glibc.rtld.optional_static_tls=4096"


@pytest.fixture
def use_up(compile_program: Callable[..., Path], tmp_path: Path) -> str:
    """Return code that defines use_up(): it loads libraries until none finds room."""
    source = tmp_path / "block.c"
    source.write_text(SOURCE)
    libraries = {
        size: str(compile_program(source, "-shared", "-fPIC", f"-DBYTES={size}"))
        for size in (256, 64, 16, 8)
    }
    return USE_UP.format(libraries=libraries)


def _last_line(done: Any) -> str:
    assert done.returncode == 1, done.stderr
    return str(done.stderr.splitlines()[-1])


def test_the_heap_says_what_to_do(plain: Any, use_up: str) -> None:
    late = f"{use_up}\nuse_up()\nimport shoal\nprint('done')"
    line = _last_line(plain("-c", late))
    assert line.startswith("ImportError: Shoal cannot be loaded: the libraries loaded so far have")
    assert line.endswith(
        "import shoal before them, use `shoal run`, or set "
        f"GLIBC_TUNABLES={TUNABLE} in the environment"
    )
    assert plain("-c", f"import shoal\n{use_up}\nuse_up()\nprint('done')").stdout == "done\n"
    assert plain("-m", "shoal", "run", "-c", late).stdout == "done\n"
    assert plain("-c", late, env={"GLIBC_TUNABLES": TUNABLE}).returncode == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no profiler")
def test_the_profiler_says_what_to_do(plain: Any, use_up: str, tmp_path: Path) -> None:
    work = "@profile\ndef work():\n    return [1]\nwork()\nprint('done')\n"
    late = f"import shoal\n{use_up}\nuse_up()\nfrom shoal import profile\n{work}"
    line = _last_line(plain("-c", late))
    assert line.startswith("ImportError: the line profiler cannot be loaded: the libraries loaded")
    assert "import it before them (from shoal import profile), use `shoal profile`, or set" in line
    early = f"from shoal import profile\n{use_up}\nuse_up()\n{work}"
    (tmp_path / "late.py").write_text(late)
    for done in (
        plain("-c", early),
        plain("-m", "shoal", "profile", "late.py"),
        plain("late.py", env={"GLIBC_TUNABLES": TUNABLE}),
    ):
        assert done.returncode == 0, done.stderr
        assert "done\n" in done.stdout


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no profiler")
def test_the_plugin_says_it_in_one_line(plain: Any, use_up: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(f"import shoal\n{use_up}\nuse_up()\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    done = plain("-m", "pytest", "-q", "--shoal", "-p", "no:cacheprovider")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: the line profiler cannot be loaded: " in done.stderr
    assert "Traceback" not in done.stderr
