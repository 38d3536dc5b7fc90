"""A service after a busy morning: of 400,000 visitors, some 2,000 are still here.

It waits to be looked at: `shoal inspect PID`, `shoal top`. Say another number of
visitors for another morning.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

STAY = 0.005
"""The share of the visitors who stay."""


class Session:
    """What is kept of a visitor."""

    def __init__(self, visitor: dict[str, Any]) -> None:
        self.visitor = visitor
        self.pages: list[str] = []


def morning(visitors: int) -> list[Session]:
    """Return the sessions of those who stay, when all have come and the others gone."""
    drawn = random.Random(1)
    sessions = []
    for number in range(visitors):
        record = f'{{"id": {number}, "name": "visitor {number}", "tags": ["a{number}", "b"]}}'
        sessions.append(Session(json.loads(record)))
    return [session for session in sessions if drawn.random() < STAY]


def main() -> None:
    """Have a morning, then wait."""
    sessions = morning(int(sys.argv[1]) if len(sys.argv) > 1 else 400_000)
    print(f"{len(sessions):,} sessions are left", flush=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
