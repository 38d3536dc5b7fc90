"""The service that is measured: a shop's back end that parses, keeps and drops JSON documents.

A catalogue is read before the workers are forked and shared with them. Batches of orders come in as
JSON; most are counted and dropped, a few stay in a bounded cache for as long as newer ones do not
push them out. Nothing here knows of any allocator.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, abort, jsonify, request

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


def totals(orders: list[Record], prices: dict[int, float]) -> Iterator[tuple[Record, float]]:
    """Yield every order with what its items cost."""
    for order in orders:
        yield order, sum(prices[item["product"]] * item["count"] for item in order["items"])


def create_app() -> Flask:
    """Return the application with its catalogue loaded."""
    app = Flask(__name__)
    products: list[Record] = json.loads(catalogue_text())
    prices = {product["id"]: product["price"] for product in products}
    cache = OrderCache(KEPT_ORDERS)

    def take_in(keep_every: int) -> Response:
        orders: list[Record] = json.loads(request.get_data())["orders"]
        by_customer: Counter[str] = Counter()
        turnover = 0.0
        for number, (order, total) in enumerate(totals(orders, prices)):
            by_customer[order["customer"]] += len(order["items"])
            turnover += total
            if number % keep_every == 0:
                cache.keep(order)
        best = by_customer.most_common(5)
        return jsonify(orders=len(orders), turnover=round(turnover, 2), best=best, kept=len(cache))

    @app.get("/health")
    def health() -> Response:
        return jsonify(products=len(products), kept=len(cache))

    @app.get("/products/<int:number>")
    def product(number: int) -> Response:
        if number >= len(products):
            abort(404)
        return jsonify(products[number])

    @app.get("/search/<tag>")
    def search(tag: str) -> Response:
        found = [
            {"id": one["id"], "name": one["name"].title(), "price": one["price"]}
            for one in products
            if tag in one["tags"]
        ]
        found.sort(key=lambda one: one["price"])
        return jsonify(count=len(found), cheapest=found[:50])

    @app.post("/orders")
    def orders() -> Response:
        return take_in(BATCH_KEEPS)

    @app.post("/import")
    def import_orders() -> Response:
        return take_in(IMPORT_KEEPS)

    return app
