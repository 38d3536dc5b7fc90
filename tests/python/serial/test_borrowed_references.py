"""What the memo rule rests on: the interpreter's stack never alone holds what a slot has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("borrowed.py")


@pytest.mark.parametrize("compiled", ["0", "1"])
def test_what_is_on_the_stack_has_more_than_its_slots_reference(compiled: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "PYTHON_JIT": compiled},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("a slot alone: 1\n", "")
