"""A simulation's state: dicts that grow, are copied, merged and dropped, in no order."""

from __future__ import annotations

import random

STEPS = 90_000
ALIVE = 45_000
SURVIVORS = 0.04

State = dict[int, float]


def burst(size: float) -> dict[int, State]:
    """Make, change and drop dicts of 1 to 40 entries at random; most die at the end."""
    drawn = random.Random(7)
    alive: dict[int, State] = {}
    limit = round(ALIVE * size)
    for step in range(round(STEPS * size)):
        state = {drawn.randrange(1000): drawn.random() for _ in range(drawn.randint(1, 40))}
        other = alive.get(drawn.randrange(step + 1))
        alive[step] = {**state, **other} if other is not None and len(other) < 60 else state
        if len(alive) > limit:
            alive.pop(next(iter(alive)) if drawn.random() < 0.3 else step)
    return {key: state for key, state in alive.items() if drawn.random() < SURVIVORS}
