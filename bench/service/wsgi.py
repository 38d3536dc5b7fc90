"""The shop as a Flask application."""

from __future__ import annotations

from flask import Flask, Response, abort, jsonify, request

from bench.service.shop import Shop


def create_app() -> Flask:
    """Return the application with its catalogue loaded."""
    app = Flask(__name__)
    shop = Shop()

    @app.get("/health")
    def health() -> Response:
        return jsonify(shop.health())

    @app.get("/products/<int:number>")
    def product(number: int) -> Response:
        return jsonify(shop.product(number) or abort(404))

    @app.get("/search/<tag>")
    def search(tag: str) -> Response:
        return jsonify(shop.search(tag))

    @app.post("/orders")
    def orders() -> Response:
        return jsonify(shop.batch(request.get_data()))

    @app.post("/import")
    def import_orders() -> Response:
        return jsonify(shop.import_orders(request.get_data()))

    return app
