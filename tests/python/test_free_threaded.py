"""The C code for a Python without the interpreter lock: it compiles, as far as headers can say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/python").rglob("*.c"))

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 14), reason="free-threaded from 3.14 on"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="no compiler"),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_it_compiles(source: Path) -> None:
    paths = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    done = subprocess.run(
        [
            *("gcc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Werror"),
            *("-DPy_GIL_DISABLED=1", '-DSHOAL_TLS_MODEL="initial-exec"'),
            *(f"-I{ROOT}/include", f"-I{ROOT}/src"),
            *(f"-I{path}" for path in paths),
            str(source),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
