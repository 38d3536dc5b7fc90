"""What the tests of the package share: children that run on Shoal or without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Answer = Callable[..., Any]

OURS = (
    *("LD_PRELOAD", "PYTHONMALLOC", "PYTHONDEVMODE"),
    *("SHOAL", "SHOAL_COMPACT", "SHOAL_STATS", "SHOAL_RELEASE", "SHOAL_HUGE"),
)


def _run(command: list[str], directory: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment.update(options.pop("env", {}))
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    return subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        **{name: value for name, value in options.items() if value is not None},
    )


@pytest.fixture
def shoal(tmp_path: Path) -> Run:
    """Run ``shoal ...`` in an empty directory."""
    return lambda *arguments, **options: _run(
        [sys.executable, "-m", "shoal", *arguments], tmp_path, **options
    )


@pytest.fixture
def plain(tmp_path: Path) -> Run:
    """Run this interpreter without Shoal in the same directory."""
    return lambda *arguments, **options: _run([sys.executable, *arguments], tmp_path, **options)


def _answer(run: Run, before: list[str], code: str, options: dict[str, Any]) -> Any:
    """Run code that leaves something in `answer`, and return it."""
    code = textwrap.dedent(code) + "\nimport json\nprint(json.dumps(answer))\n"
    done = run(*before, "-c", code, **options)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}"
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def on_shoal(shoal: Run) -> Answer:
    """Return what the code leaves in `answer`, run by ``shoal run -c``."""
    return lambda code, **options: _answer(shoal, ["run"], code, options)


@pytest.fixture
def off_shoal(plain: Run) -> Answer:
    """Return what the code leaves in `answer`, run by a plain interpreter."""
    return lambda code, **options: _answer(plain, [], code, options)
