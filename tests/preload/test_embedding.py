"""A program that loads Python late, and runs it more than once, on Shoal and beside it.

Preloaded, Shoal serves each life of it from the start, unless PYTHONMALLOC says otherwise.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

EMBED = Path(__file__).parent / "programs" / "embed.c"

# Blocks stay in use from before the installation to after it. No module is imported that
# CPython 3.12 itself cannot have in two lives, such as datetime, decimal and ctypes.
CODE = """
import collections, json, zlib
import shoal
from shoal import _heap
was_active = shoal.is_active()
old = {str(i): [i, float(i), bytes(i % 2000)] for i in range(5_000)}
shoal.install()
shoal.install()
new = [str(i) * 9 for i in range(50_000)]
grown = {**old}
for key in old:
    old[key].append(collections.deque(key))
    old[key][2] += zlib.compress(old[key][2])
assert json.loads(json.dumps(sorted(grown))) == sorted(str(i) for i in range(5_000))
assert shoal.usage().live > 4 << 20
del old, grown
_heap.check()
print(round, was_active, shoal.is_active())
"""

Embed = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def libpython() -> Path:
    """Return the running Python's library."""
    folder, name = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    path = Path(folder or "", name or "")
    if not sysconfig.get_config_var("Py_ENABLE_SHARED") or not path.is_file():
        pytest.skip("this Python has no shared library")
    return path


@pytest.fixture
def embed(compile_program, preload, library, libpython: Path) -> Embed:
    """Run code in a program that opens the running Python's library."""
    program = compile_program(EMBED)
    home = {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": str(library.parent.parent)}

    def run(rounds: int, code: str, *, shoal: bool = False, **more: str) -> CompletedProcess[str]:
        return preload(program, libpython, rounds, code, shoal=shoal, env={**home, **more})

    return run


kinds = pytest.mark.parametrize(
    ("shoal", "environment"),
    [(False, {}), (True, {}), (True, {"PYTHONMALLOC": "pymalloc"})],
    ids=["alone", "preloaded", "undone"],
)


@pytest.mark.parametrize("options", [["-pie", "-fPIE"], ["-no-pie", "-fno-pie"]])
def test_a_program_that_is_linked_with_python(
    compile_program, preload, libpython: Path, options: list[str]
) -> None:
    """It is served from its first object, also where addresses are those of stubs."""
    source = EMBED.with_name("linked_python.c")
    program = compile_program(source, *options, str(libpython), f"-Wl,-rpath,{libpython.parent}")
    code = "import sys; print(sys.getallocatedblocks())"
    done = preload(program, code, env={"PYTHONHOME": sys.base_prefix})
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@kinds
def test_install_in_a_python_that_was_loaded_late(embed, shoal: bool, environment: dict) -> None:
    """Blocks that pymalloc gave before go back to pymalloc."""
    done = embed(1, CODE, shoal=shoal, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"0 {shoal and not environment} True\n"


@kinds
def test_install_in_each_life_of_the_interpreter(embed, shoal: bool, environment: dict) -> None:
    """Py_Initialize may put the interpreter's allocators back; install() then works again."""
    done = embed(4, CODE, shoal=shoal, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    served = shoal and not environment
    stays = sys.version_info < (3, 12) and not environment
    lines = [f"{life} {served or (life > 0 and stays)} True" for life in range(4)]
    assert done.stdout.splitlines() == lines


@pytest.mark.parametrize("local", ["", "local"])
def test_each_life_is_on_shoal_from_the_start(embed, local: str) -> None:
    """No object of any life comes from pymalloc, whether others see the library or not."""
    code = "import sys\nprint(round, sys.getallocatedblocks())\n"
    code += "old = [str(i) for i in range(99_999)]\nassert sys.getallocatedblocks() < 1_000"
    done = embed(3, code, shoal=True, EMBED_LOCALLY=local)
    assert (done.returncode, done.stderr) == (0, "")
    assert [int(line.split()[1]) for line in done.stdout.splitlines()] == [0, 0, 0]


def test_lives_without_and_with_shoal(embed) -> None:
    """What one life left behind is freed rightly in the next."""
    code = CODE.replace("shoal.install()\n", "if round % 2: shoal.install()\n")
    code = code.replace("assert shoal.usage", "assert not round % 2 or shoal.usage")
    done = embed(4, code, shoal=True, PYTHONMALLOC="pymalloc")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["False", "True"] * 2


def test_install_over_the_debug_allocator_of_a_late_python(embed) -> None:
    """Its blocks are insides of ours where Shoal is malloc: refused; else right."""
    done = embed(1, CODE, PYTHONMALLOC="debug")
    assert (done.returncode, done.stderr) == (0, "")
    done = embed(1, CODE, PYTHONMALLOC="debug", shoal=True)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "RuntimeError: Shoal is preloaded, and Python's debug allocator serves objects: "
        "start Python without PYTHONMALLOC, PYTHONDEVMODE and -X dev"
    )
