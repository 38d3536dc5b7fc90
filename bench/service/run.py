"""A real service on every allocator: gunicorn with forked workers and a Flask application.

    python -m bench.service.run                     15 rounds, about a quarter of an hour
    python -m bench.service.run --rounds 2 --requests 200 --allocators pymalloc,jemalloc

Each measurement starts the service anew on a free port of 127.0.0.1, sends it a fixed list of
requests and stops it. What is measured is told in README.md in this directory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from bench import harness, table
from bench.harness import ROOT, SHOAL, BenchError, Row, Spread
from bench.peers import Peer, find_all, prove, versions
from bench.service.processes import children, cpu_seconds, maps_file, memory, memory_of

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
BASE = "pymalloc"
COMPARED = ("pymalloc", "shoal", "glibc", "jemalloc", "mimalloc3")
STARTS_WITHIN = 20.0  # seconds
IDLE = 2.0  # seconds between the end of the load and the second look at the memory
SECONDS_EACH = 11.0

MEASURED = (
    "requests_per_second", "cpu_ms_per_request", "latency_p50_ms", "latency_p95_ms",
    "pss_forked", "pss_after", "pss_idle", "shared_forked", "shared_idle", "private_forked",
    "private_idle", "master_pss_idle",
)  # fmt: skip
COLUMNS = ("round", "allocator", "requests", "workers", *MEASURED)


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    requests: int = 1000
    workers: int = 2
    clients: int = 4


# ---- The service --------------------------------------------------------------------------------


class Service:
    """The service on one allocator, running while the context lasts; it leaves nothing behind."""

    def __init__(self, plan: Plan, peer: Peer, seed: int) -> None:
        self._plan = plan
        self._peer = peer
        self._seed = seed
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - _stop closes it

    def __enter__(self) -> Service:
        # The socket is made here and handed over, so no other program can take the port between.
        with socket.create_server((HOST, 0), backlog=64) as listening:
            self.port: int = listening.getsockname()[1]
            descriptor = listening.fileno()
            self._process = subprocess.Popen(
                [self._plan.python, "-m", "gunicorn", "--config", str(HERE / "gunicorn_conf.py"),
                 "--bind", f"fd://{descriptor}", "--workers", str(self._plan.workers),
                 "--log-level", "warning", "bench.service.app:create_app()"],
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
            if len(self.workers) == self._plan.workers and self._answers():
                time.sleep(0.3)  # the worker that did not answer is ready too
                self._check_library()
                return
            time.sleep(0.05)
        raise BenchError(f"{self._peer.name}: the service does not start: {self._last_words()}")

    def _check_library(self) -> None:
        library = self._peer.library
        for pid in self.workers:
            if library is not None and not maps_file(pid, library):
                raise BenchError(f"{self._peer.name}: a worker does not use {library}")

    def _last_words(self) -> str:
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def check(self) -> None:
        """Raise BenchError when a worker was replaced: its memory would be that of a young one."""
        if children(self.master) != self.workers:
            raise BenchError(f"{self._peer.name}: a worker ended early: {self._last_words()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the session that Popen began
            self._process.wait()
        self._log.close()


def send_load(plan: Plan, port: int, seed: int) -> dict[str, float]:
    """Run load.py to its end, on the interpreter's own allocator, and return what it found."""
    command = [
        plan.python, "-m", "bench.service.load", str(port), str(plan.requests),
        "--clients", str(plan.clients), "--seed", str(seed),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=Peer("plain", python_uses_malloc=False).for_python(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(done.stderr.strip().splitlines()[-1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure_once(plan: Plan, peer: Peer, number: int) -> dict[str, float]:
    """Start the service, load it, look at it, stop it."""
    with Service(plan, peer, number) as service:
        forked = memory_of(service.workers)
        used = cpu_seconds(service.workers)
        found = send_load(plan, service.port, number)
        after = memory_of(service.workers)
        used = cpu_seconds(service.workers) - used
        time.sleep(IDLE)
        idle = memory_of(service.workers)
        service.check()
        return {
            "requests": found["requests"],
            "workers": plan.workers,
            "requests_per_second": found["requests"] / found["seconds"],
            "cpu_ms_per_request": used / found["requests"] * 1e3,
            "latency_p50_ms": found["latency_p50"] * 1e3,
            "latency_p95_ms": found["latency_p95"] * 1e3,
            "pss_forked": forked.pss,
            "pss_after": after.pss,
            "pss_idle": idle.pss,
            "shared_forked": forked.shared,
            "shared_idle": idle.shared,
            "private_forked": forked.private,
            "private_idle": idle.private,
            "master_pss_idle": memory(service.master).pss,
        }


def measure(plan: Plan, output: Path) -> None:
    """Measure every allocator in turn, `plan.rounds` times; raw data goes to `output`."""
    check_packages(plan.python)
    for peer in plan.peers:
        prove(peer, plan.python)
    facts = harness.provenance(plan.python, packages=packages(plan.python), **versions(plan.peers))
    total = plan.rounds * len(plan.peers)
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress("service", total, SECONDS_EACH) as progress,
    ):
        for number, peer in harness.turns(plan.rounds, plan.peers):
            results.add(round=number, allocator=peer.name, **measure_once(plan, peer, number))
            progress.done()


def check_packages(python: str) -> None:
    """Raise BenchError when the interpreter lacks what the service needs."""
    try:
        harness.run([python, "-c", "import flask, gunicorn"], os.environ)
    except BenchError:
        wanted = f"{python} -m pip install -r bench/service/requirements.txt"
        raise BenchError(f"{python} lacks Flask or gunicorn: {wanted}") from None


def packages(python: str) -> str:
    """Return the versions of what serves."""
    names = ("flask", "werkzeug", "gunicorn")
    code = f"from importlib.metadata import version as v; print(*map(v, {names!r}))"
    found = harness.run([python, "-c", code], os.environ).split()
    return ", ".join(f"{name} {version}" for name, version in zip(names, found))


# ---- The table ----------------------------------------------------------------------------------

# Column, title, aim as text, the worst ratio that meets it, whether less is better.
_LISTED: tuple[tuple[str, str, str, float | None, bool], ...] = (
    ("requests_per_second", "requests a second", ">= 1", 1.0, False),
    ("cpu_ms_per_request", "CPU time a request", "<= 1", 1.0, True),
    ("latency_p95_ms", "latency, 95th percentile", "", None, True),
    ("pss_after", "PSS of all workers, right after the load", "<= 0.6", 0.6, True),
    ("pss_idle", "PSS of all workers, 2 s later", "<= 0.6", 0.6, True),
    ("shared_forked", "shared memory of all workers, before the load", ">= 1", 1.0, False),
    ("shared_idle", "shared memory of all workers, 2 s after it", ">= 1", 1.0, False),
    ("private_forked", "private memory of all workers, before the load", "", None, True),
)


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: ratios to pymalloc, and Shoal's memory over jemalloc's."""
    facts, lines = harness.read_results(path)
    section = f"A service, Python {facts['python']} ({facts['packages']}): over pymalloc's"
    found = []
    for column, title, aim, limit, less_is_better in _LISTED:
        values = harness.paired(harness.by_allocator(lines, column), BASE)
        spreads = {name: Spread.of(ratios) for name, ratios in values.items()}
        found.append(_row(section, title, spreads, aim, limit, less_is_better))
    if any(line["allocator"] == "jemalloc" for line in lines):
        for column, when in (("pss_after", "right after the load"), ("pss_idle", "2 s later")):
            values = harness.paired(harness.by_allocator(lines, column), "jemalloc")
            spreads = {name: Spread.of(ratios) for name, ratios in values.items()}
            title = f"PSS of all workers, {when}, over jemalloc's"
            found.append(_row(section, title, spreads, "<= 0.6", 0.6, True))
    return found


def _row(
    section: str,
    title: str,
    spreads: dict[str, Spread],
    aim: str,
    limit: float | None,
    less_is_better: bool,
) -> Row:
    medians = {name: spread.median for name, spread in spreads.items()}
    met = None
    if limit is not None and SHOAL in medians:
        met = medians[SHOAL] <= limit if less_is_better else medians[SHOAL] >= limit
    text = {n: f"{s.median:.3f} ({s.lower:.3f}-{s.upper:.3f})" for n, s in spreads.items()}
    return Row(section, title, medians, aim, met, less_is_better, text=text)


# ---- Command line -------------------------------------------------------------------------------


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    chosen = list(names or COMPARED)
    if BASE not in chosen:
        chosen.append(BASE)
    return Plan(python, rounds, find_all(chosen, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=2, requests=200)


def _main() -> None:
    options = harness.parser("A web service under load on each allocator.", rounds=15)
    options.add_argument("--requests", type=harness.positive, default=1000, help="default: 1000")
    options.add_argument("--workers", type=_workers, default=2, help="1 to 4; default: 2")
    options.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: show raw data")
    got = options.parse_args()
    if got.show is not None:
        table.show(rows(got.show))
        return
    harness.pin(got.cpu)
    plan = planned(got.python, got.rounds, got.allocators)
    output = got.output or harness.result_file("service", got.python)
    measure(replace(plan, requests=got.requests, workers=got.workers), output)
    table.show(rows(output))


def _workers(text: str) -> int:
    """Read the number of workers: an argparse type."""
    number = int(text)
    if not 1 <= number <= 4:
        raise argparse.ArgumentTypeError("from 1 to 4")
    return number


if __name__ == "__main__":
    harness.main(_main)
