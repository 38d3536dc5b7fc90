"""A bounded load on the service: so many requests, drawn with a seed, from a few clients.

    python -m bench.service.load PORT REQUESTS [--clients 4] [--seed 1] [--limit 60]

Prints one JSON line: requests answered, seconds, and latencies. Any answer but 200 ends it with
status 1. It talks to 127.0.0.1 only, sends REQUESTS requests and gives up after --limit seconds.
Bodies are made before the clock starts, so that its own work takes little of the processors.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.service.catalogue import PRODUCTS, TAGS

HOST = "127.0.0.1"
BATCHES = 24  # different bodies of POST /orders
IMPORTS = 4  # and of POST /import
BATCH_SIZES = (50, 400)  # orders in one document: about 12 to 100 kB
IMPORT_SIZES = (10_000, 40_000)  # 2.5 to 10 MB
# Shares of the requests, in per cent.
MIX = {"product": 58, "search": 10, "orders": 31, "import": 1}


@dataclass(frozen=True)
class Request:
    """One request as it is sent."""

    method: str
    path: str
    body: bytes = b""


def orders_text(drawn: random.Random, count: int) -> bytes:
    """Return a JSON document of so many orders, about 250 bytes each."""
    orders = [
        {
            "id": f"{drawn.getrandbits(64):016x}",
            "customer": f"customer-{drawn.randrange(900)}",
            "address": {"street": f"{drawn.choice(TAGS)} street {drawn.randrange(200)}",
                        "code": f"{drawn.randrange(10**5):05}"},
            "items": [
                {"product": drawn.randrange(PRODUCTS), "count": drawn.randrange(1, 9)}
                for _ in range(drawn.randrange(1, 6))
            ],
            "paid": drawn.random() < 0.8,
            "weight": drawn.uniform(0.1, 30),
        }
        for _ in range(count)
    ]  # fmt: skip
    return json.dumps({"orders": orders}).encode()


def plan(count: int, seed: int) -> list[Request]:
    """Return the requests of one run; the same for the same seed."""
    drawn = random.Random(seed)
    batches = [orders_text(drawn, drawn.randint(*BATCH_SIZES)) for _ in range(BATCHES)]
    imports = [orders_text(drawn, drawn.randint(*IMPORT_SIZES)) for _ in range(IMPORTS)]
    kinds = [kind for kind, share in MIX.items() for _ in range(round(count * share / 100))]
    drawn.shuffle(kinds)
    found = []
    for kind in kinds:
        if kind == "product":
            found.append(Request("GET", f"/products/{drawn.randrange(PRODUCTS)}"))
        elif kind == "search":
            found.append(Request("GET", f"/search/{drawn.choice(TAGS)}"))
        elif kind == "orders":
            found.append(Request("POST", "/orders", drawn.choice(batches)))
        else:
            found.append(Request("POST", "/import", drawn.choice(imports)))
    return found


@dataclass
class Outcome:
    """What the clients have seen; shared by their threads."""

    latencies: list[float] = field(default_factory=list)  # seconds
    failure: str = ""


class Load:
    """Clients that take one request after the other from the same list."""

    def __init__(self, port: int, requests: list[Request], limit: float) -> None:
        self._port = port
        self._waiting: Iterator[Request] = iter(requests)
        self._lock = threading.Lock()
        self._ends = time.monotonic() + limit
        self.outcome = Outcome()

    def _next(self) -> Request | None:
        with self._lock:
            if self.outcome.failure:
                return None
            if time.monotonic() > self._ends:
                self.outcome.failure = "the time is up"
                return None
            return next(self._waiting, None)

    def _send(self, one: Request) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=30)
        started = time.perf_counter()
        try:
            headers = {"Content-Type": "application/json"} if one.body else {}
            connection.request(one.method, one.path, one.body or None, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise http.client.HTTPException(f"status {answer.status}")
            self.outcome.latencies.append(time.perf_counter() - started)
        except (OSError, http.client.HTTPException) as error:
            self.outcome.failure = f"{one.method} {one.path}: {error or type(error).__name__}"
        finally:
            connection.close()

    def _client(self) -> None:
        while (one := self._next()) is not None:
            self._send(one)

    def run(self, clients: int) -> float:
        """Send everything and return the seconds that it took."""
        threads = [threading.Thread(target=self._client) for _ in range(clients)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started


def main() -> int:
    """Run the load and return the exit status."""
    options = argparse.ArgumentParser(description="A bounded load on the service.")
    options.add_argument("port", type=int)
    options.add_argument("requests", type=int)
    options.add_argument("--clients", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--limit", type=float, default=60, help="seconds")
    chosen = options.parse_args()
    load = Load(chosen.port, plan(chosen.requests, chosen.seed), chosen.limit)
    seconds = load.run(chosen.clients)
    if load.outcome.failure:
        print(f"load: {load.outcome.failure}", file=sys.stderr)
        return 1
    percentiles = statistics.quantiles(load.outcome.latencies, n=100)
    found = {
        "requests": len(load.outcome.latencies),
        "seconds": seconds,
        "latency_p50": percentiles[49],
        "latency_p95": percentiles[94],
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
