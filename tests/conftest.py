"""What the tests with C programs share: the library under test, a compiler, a runner."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Compile = Callable[..., Path]
Preload = Callable[..., "subprocess.CompletedProcess[str]"]

OURS = (
    "LD_PRELOAD",
    "PYTHONMALLOC",
    "PYTHONDEVMODE",
    "SHOAL",
    "SHOAL_STATS",
    "SHOAL_RELEASE",
    "SHOAL_HUGE",
)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let children be interrupted: what is ignored stays ignored in them, as under nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def library() -> Path:
    """Return libshoal.so: of $SHOAL_LIBRARY, else of the installed package."""
    named = os.environ.get("SHOAL_LIBRARY")
    if not named:
        package = pytest.importorskip("shoal", reason="no package shoal and no SHOAL_LIBRARY")
        named = package.library_path()
    path = Path(named).resolve()
    assert path.is_file(), f"{path} is not there"
    return path


@pytest.fixture(scope="session")
def compile_program(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile one source file of tests/, once a session, to a program or a library.

    ``-fno-builtin`` keeps the compiler from leaving out allocations it can see through.
    """
    built: dict[tuple[Path, tuple[str, ...]], Path] = {}
    folder = tmp_path_factory.mktemp("programs")

    def compile_once(source: Path, *arguments: str) -> Path:
        key = (source, arguments)
        if key not in built:
            compiler = shutil.which("g++" if source.suffix == ".cc" else "cc")
            if not compiler:
                pytest.skip(f"no compiler for {source.name}")
            output = folder / f"{source.stem}-{len(built)}"
            command = [compiler, "-g", "-O1", "-fno-builtin", "-w", "-pthread"]
            command += [str(source), "-o", str(output), *arguments, "-ldl"]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            built[key] = output
        return built[key]

    return compile_once


@pytest.fixture
def preload(library: Path, tmp_path: Path) -> Preload:
    """Run a program with the library preloaded, in an empty folder."""

    def run(
        *command: object,
        before: tuple[Path, ...] = (),
        after: tuple[Path, ...] = (),
        shoal: bool = True,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        libraries = [*before, *([library] if shoal else []), *after]
        if libraries:
            environment["LD_PRELOAD"] = ":".join(map(str, libraries))
        environment.update(options.pop("env", {}))
        options = {"cwd": tmp_path, "timeout": 120, "stdin": subprocess.DEVNULL, **options}
        if "input" in options:
            del options["stdin"]
        return subprocess.run(
            [str(part) for part in command],
            env=environment,
            capture_output=True,
            text=True,
            **options,
        )

    return run
