"""Caches of sessions in a worker: most requests leave nothing behind, one in 20 stays."""

from __future__ import annotations

import collections
import functools
import json
import random
from typing import Any

KEPT = 0.05


class Session:
    """What a request leaves in the cache."""

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self.name = name
        self.data = data
        self.views = [(name, len(data))]


def request(number: int, drawn: random.Random) -> Session:
    """Parse the body of a request."""
    body = {
        "user": {"id": number, "name": f"user {number}", "roles": [f"r{number % 7}"]},
        "cart": [
            {"sku": f"s{number * place}", "price": number * 1.1 + place}
            for place in range(drawn.randrange(1, 8))
        ],
        "note": f"text {number} " * 3,
    }
    return Session(f"session {number}", json.loads(json.dumps(body)))


class Cache:
    """Sessions in a dict; what is in flight goes all at once, when the load ends."""

    def __init__(self) -> None:
        self.items: Any = {}
        self.in_flight: list[Session] = []
        self.drawn = random.Random(3)

    def put(self, session: Session) -> None:
        """Keep a session."""
        self.items[session.name] = session

    def work(self, requests: int) -> None:
        """Answer so many requests."""
        for number in range(requests):
            session = request(number, self.drawn)
            if self.drawn.random() < KEPT:
                self.put(session)
            else:
                self.in_flight.append(session)

    def drop(self) -> Cache:
        """End what is in flight."""
        self.in_flight.clear()
        return self


class Ordered(Cache):
    """The same in an OrderedDict, the oldest of which go."""

    def __init__(self) -> None:
        super().__init__()
        self.items = collections.OrderedDict()

    def put(self, session: Session) -> None:
        """Keep a session, and not the oldest third of them."""
        self.items[session.name] = session
        if self.drawn.random() < 1 / 3:
            self.items.popitem(last=False)


class Least(Cache):
    """The same in an lru_cache of functools."""

    def __init__(self) -> None:
        super().__init__()
        self.items = functools.lru_cache(maxsize=1 << 20)(self._found)
        self.last: Session | None = None

    def _found(self, _name: str) -> Session | None:
        return self.last

    def put(self, session: Session) -> None:
        """Keep a session as what was found for its name."""
        self.last = session
        self.items(session.name)


CACHES: dict[str, type[Cache]] = {"dict": Cache, "ordered": Ordered, "lru": Least}
