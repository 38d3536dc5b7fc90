"""Batches: each loads a set of orders, reports, drops it, and leaves some open orders behind."""

from __future__ import annotations

import random
from typing import NamedTuple

from bench.workloads.texts import sentence, word

BATCHES = 6
ORDERS = 55_000
OPEN = 0.01


class Order(NamedTuple):
    """An order as the batch reads it."""

    number: int
    customer: str
    amount: float
    lines: list[tuple[str, int]]


def batch(drawn: random.Random, first: int, count: int) -> list[Order]:
    """Load a batch."""
    return [
        Order(
            number,
            sentence(drawn, 2),
            drawn.random() * 1000,
            [(word(drawn), drawn.randrange(10_000)) for _ in range(drawn.randint(1, 5))],
        )
        for number in range(first, first + count)
    ]


def burst(size: float) -> tuple[list[Order], list[str]]:
    """Work through the batches, keep the open orders and one line of report for each batch."""
    drawn = random.Random(8)
    remain: list[Order] = []
    reports: list[str] = []
    count = round(ORDERS * size)
    for number in range(BATCHES):
        orders = batch(drawn, number * count, count)
        reports.append(f"batch {number}: {sum(order.amount for order in orders):.2f}")
        remain += [order for order in orders if drawn.random() < OPEN]
    return remain, reports
