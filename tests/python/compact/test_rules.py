"""What must not move does not: each program breaks without one of the mover's rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FILES = [Path(__file__).with_name(name) for name in ("programs.py", "more_programs.py")]
PROGRAMS = [
    (file, name)
    for file in FILES
    for name in re.findall(r"@program\ndef (\w+)", file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("file", "name"), PROGRAMS, ids=[name for _, name in PROGRAMS])
def test_everything_is_as_it_was_after(file, name, shoal):
    done = shoal("run", str(file), name)
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == "as it was\n"
