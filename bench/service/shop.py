"""What the service does: a shop's back end that parses, keeps and drops JSON documents.

A catalogue is read before the workers are forked and shared with them. Batches of orders come in as
JSON; most are counted and dropped, a few stay in a bounded cache for as long as newer ones do not
push them out. Nothing here knows of any allocator, nor of how requests come in.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

from bench.service.catalogue import catalogue_text

KEPT_ORDERS = 2_000
# One order in so many stays in the cache: of a batch some, of an import a few.
BATCH_KEEPS = 25
IMPORT_KEEPS = 400

Record = dict[str, Any]


class OrderCache:
    """The orders kept: the newest `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._orders: OrderedDict[int, Record] = OrderedDict()
        self._numbers = itertools.count(1)

    def keep(self, order: Record) -> None:
        """Keep one order, drop the oldest when there are too many."""
        self._orders[next(self._numbers)] = order
        if len(self._orders) > self._limit:
            self._orders.popitem(last=False)

    def __len__(self) -> int:
        return len(self._orders)


class Shop:
    """The shop with its catalogue; each method answers a kind of request."""

    def __init__(self) -> None:
        self._products: list[Record] = json.loads(catalogue_text())
        self._prices = {product["id"]: product["price"] for product in self._products}
        self._cache = OrderCache(KEPT_ORDERS)

    def health(self) -> Record:
        """Say that it is there."""
        return {"products": len(self._products), "kept": len(self._cache)}

    def product(self, number: int) -> Record | None:
        """Return one product; None when there is none of that number."""
        return self._products[number] if number < len(self._products) else None

    def search(self, tag: str) -> Record:
        """Return the cheapest products of those that have a tag."""
        found = [
            {"id": one["id"], "name": one["name"].title(), "price": one["price"]}
            for one in self._products
            if tag in one["tags"]
        ]
        found.sort(key=lambda one: one["price"])
        return {"count": len(found), "cheapest": found[:50]}

    def batch(self, document: bytes) -> Record:
        """Take in a batch of orders."""
        return self._take_in(document, BATCH_KEEPS)

    def import_orders(self, document: bytes) -> Record:
        """Take in many orders, of which fewer are kept."""
        return self._take_in(document, IMPORT_KEEPS)

    def _take_in(self, document: bytes, keep_every: int) -> Record:
        orders: list[Record] = json.loads(document)["orders"]
        by_customer: Counter[str] = Counter()
        turnover = 0.0
        for number, (order, total) in enumerate(self._totals(orders)):
            by_customer[order["customer"]] += len(order["items"])
            turnover += total
            if number % keep_every == 0:
                self._cache.keep(order)
        best = by_customer.most_common(5)
        return {
            "orders": len(orders), "turnover": round(turnover, 2), "best": best,
            "kept": len(self._cache),
        }  # fmt: skip

    def _totals(self, orders: list[Record]) -> Iterator[tuple[Record, float]]:
        """Yield every order with what its items cost."""
        prices = self._prices
        for order in orders:
            yield order, sum(prices[item["product"]] * item["count"] for item in order["items"])
