"""The shop as a Starlette application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.service.shop import Shop


def create_app() -> Starlette:
    """Return the application with its catalogue loaded."""
    shop = Shop()

    async def health(_: Request) -> JSONResponse:
        return JSONResponse(shop.health())

    async def product(request: Request) -> JSONResponse:
        found = shop.product(request.path_params["number"])
        if found is None:
            raise HTTPException(404)
        return JSONResponse(found)

    async def search(request: Request) -> JSONResponse:
        return JSONResponse(shop.search(request.path_params["tag"]))

    async def orders(request: Request) -> JSONResponse:
        return JSONResponse(shop.batch(await request.body()))

    async def import_orders(request: Request) -> JSONResponse:
        return JSONResponse(shop.import_orders(await request.body()))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/products/{number:int}", product),
            Route("/search/{tag}", search),
            Route("/orders", orders, methods=["POST"]),
            Route("/import", import_orders, methods=["POST"]),
        ]
    )
