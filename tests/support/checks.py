"""Runs checks, which are functions that raise what is wrong, and adds them up as pytest would."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence


def said(command: Sequence[object], environment: Mapping[str, str], status: int = 0) -> str:
    """Return what a command prints, and assert how it ends."""
    done = subprocess.run(
        [str(word) for word in command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
    )
    assert done.returncode == status, f"status {done.returncode}: {done.stdout[-2000:]}"
    return done.stdout


def run(checks: Sequence[tuple[str, Callable[[], None]]], skipped: Mapping[str, str]) -> int:
    """Run checks by name, tell what is left out and why, and return the exit status."""
    failed = 0
    for name, check in checks:
        started = time.monotonic()
        try:
            check()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED {name}: {error}", flush=True)
        else:
            print(f"ok {name} ({time.monotonic() - started:.0f} s)", flush=True)
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}")
    print(f"{len(checks) - failed} passed, {failed} failed, {len(skipped)} skipped", flush=True)
    return 1 if failed else 0
