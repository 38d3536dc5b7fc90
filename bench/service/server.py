"""A service that runs while it is measured: gunicorn with forked workers on one allocator."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from bench.harness import ROOT, BenchError
from bench.peers import Peer
from bench.service.engines import Engine
from bench.service.processes import children, maps_file

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
STARTS_WITHIN = 20.0  # seconds


class Service:
    """The service on one allocator, running while the context lasts; it leaves nothing behind."""

    def __init__(self, python: str, workers: int, engine: Engine, peer: Peer, seed: int) -> None:
        self._python = python
        self._count = workers
        self._engine = engine
        self._name = f"{engine.name}, {peer.name}"
        self._peer = peer
        self._seed = seed
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - _stop closes it

    def __enter__(self) -> Service:
        # The socket is made here and handed over, so no other program can take the port between.
        with socket.create_server((HOST, 0), backlog=64) as listening:
            self.port: int = listening.getsockname()[1]
            descriptor = listening.fileno()
            self._process = subprocess.Popen(
                [self._python, "-m", "gunicorn", "--config", str(HERE / "gunicorn_conf.py"),
                 "--bind", f"fd://{descriptor}", "--workers", str(self._count),
                 "--log-level", "warning", *self._engine.command],
                cwd=ROOT, env=self._peer.for_python(self._seed), pass_fds=[descriptor],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                start_new_session=True,
            )  # fmt: skip
        try:
            self._await_workers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    @property
    def master(self) -> int:
        """The process that forks the workers."""
        return self._process.pid

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _await_workers(self) -> None:
        """Wait until every worker runs and the service answers."""
        ends = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < ends and self._process.poll() is None:
            self.workers = children(self.master)
            if len(self.workers) == self._count and self._answers():
                time.sleep(0.3)  # the worker that did not answer is ready too
                self._check_library()
                return
            time.sleep(0.05)
        raise BenchError(f"{self._name}: the service does not start: {self._last_words()}")

    def _check_library(self) -> None:
        library = self._peer.library
        for pid in self.workers:
            if library is not None and not maps_file(pid, library):
                raise BenchError(f"{self._name}: a worker does not use {library}")

    def _last_words(self) -> str:
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def check(self) -> None:
        """Raise BenchError when a worker was replaced: its memory would be that of a young one."""
        if children(self.master) != self.workers:
            raise BenchError(f"{self._name}: a worker ended early: {self._last_words()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the session that Popen began
            self._process.wait()
        self._log.close()
