"""A cache of rendered pages of many sizes, cut back to a twentieth when the rush is over."""

from __future__ import annotations

import random
from collections import OrderedDict

from bench.workloads.texts import word

LOOKUPS = 260_000
KEYS = 400_000
CAPACITY = 100_000


def burst(size: float) -> OrderedDict[str, bytes]:
    """Look pages up by a skewed distribution, evict the oldest, cut the cache back."""
    drawn = random.Random(6)
    capacity = round(CAPACITY * size)
    cache: OrderedDict[str, bytes] = OrderedDict()
    for _ in range(round(LOOKUPS * size)):
        key = f"/page/{int(KEYS * drawn.random() ** 3)}"
        if key in cache:
            cache.move_to_end(key)
            continue
        cache[key] = word(drawn).encode() * drawn.randint(4, 160)
        if len(cache) > capacity:
            cache.popitem(last=False)
    while len(cache) > capacity // 20:
        cache.popitem(last=False)
    return cache
