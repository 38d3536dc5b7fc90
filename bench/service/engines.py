"""What serves the shop: a row of a table each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness import BenchError

_WSGI = "bench.service.wsgi:create_app()"
_ASGI = "bench.service.asgi:create_app()"


@dataclass(frozen=True)
class Engine:
    """A kind of worker that gunicorn forks."""

    name: str
    command: Sequence[str]  # what is behind `python -m gunicorn` and the options of every engine
    packages: Sequence[str]  # what the interpreter has to have


_LISTED = (
    Engine("sync", ["--worker-class", "sync", _WSGI], ["gunicorn", "flask"]),
    Engine(
        "gthread", ["--worker-class", "gthread", "--threads", "4", _WSGI], ["gunicorn", "flask"]
    ),
    Engine("gevent", ["--worker-class", "gevent", _WSGI], ["gunicorn", "flask", "gevent"]),
    # It takes uvloop's loop where there is one.
    Engine(
        "uvicorn",
        ["--worker-class", "uvicorn_worker.UvicornWorker", _ASGI],
        ["gunicorn", "starlette", "uvicorn", "uvicorn-worker", "uvloop"],
    ),
)
ENGINES = {one.name: one for one in _LISTED}


def chosen(names: Sequence[str] | None) -> list[Engine]:
    """Return the engines named, or all; raise BenchError for a name that is none."""
    for name in names or ():
        if name not in ENGINES:
            raise BenchError(f"unknown engine '{name}'; known: {', '.join(ENGINES)}")
    return [ENGINES[name] for name in names or ENGINES]
