"""Libraries opened while the program runs: their malloc is Shoal's, and libc sees who asks."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
RUN_PATH = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/there"

both = pytest.mark.parametrize("shoal", [False, True], ids=["plain", "shoal"])


@pytest.fixture
def frees(compile_program) -> Path:
    """Return a library that frees what libc allocates for it."""
    return compile_program(PROGRAMS / "frees_libc_blocks.c", "-shared", "-fPIC")


@both
@pytest.mark.parametrize("way", ["dlopen", "base", "namespace"])
def test_deepbind(compile_program, preload, frees: Path, way: str, shoal: bool) -> None:
    """A library that prefers its own symbols still has the process's malloc."""
    program = compile_program(PROGRAMS / "open_deeply.c")
    done = preload(program, frees, way, shoal=shoal)
    assert (done.returncode, done.stderr) == (0, "")


def test_deepbind_by_ctypes(preload, frees: Path) -> None:
    """The same, where Python opens it."""
    code = "import ctypes, os, sys\n"
    code += "library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_DEEPBIND)\n"
    code += "print(library.use_memory())"
    done = preload(sys.executable, "-c", code, frees)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.fixture
def by_name(compile_program, frees: Path, tmp_path: Path) -> Path:
    """Return a library whose run path names a folder, and which opens what is only there."""
    (tmp_path / "there").mkdir()
    shutil.copy(frees, tmp_path / "there" / "libonlythere.so")
    built = compile_program(PROGRAMS / "opens_by_name.c", "-shared", "-fPIC", RUN_PATH)
    return Path(shutil.copy(built, tmp_path / "byname.so"))


@both
@pytest.mark.parametrize("way", ["dlopen", "base", "namespace"])
def test_run_path_of_the_caller(
    compile_program, preload, by_name: Path, way: str, shoal: bool
) -> None:
    """The library that calls dlopen is the one whose DT_RUNPATH and $ORIGIN count."""
    done = preload(compile_program(PROGRAMS / "open_deeply.c"), by_name, way, shoal=shoal)
    assert (done.returncode, done.stderr) == (0, "")


@both
def test_run_path_of_an_extension_module(
    compile_program, preload, by_name: Path, tmp_path: Path, shoal: bool
) -> None:
    """The same after dlopen by the interpreter."""
    include = sysconfig.get_paths()["include"]
    sources = [str(PROGRAMS / "opens_by_name.c")]
    options = ["-shared", "-fPIC", f"-I{include}", RUN_PATH, *sources]
    shutil.copy(compile_program(PROGRAMS / "opener.c", *options), tmp_path / "opener.so")
    done = preload(sys.executable, "-c", "import opener; print(opener.status)", shoal=shoal)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
