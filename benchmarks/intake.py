"""(b) Durable acceptance of webhooks, compared with a handler by hand and with a bare one of the framework."""

from __future__ import annotations

import json
from collections.abc import Iterator

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks._fixtures import build_product_app, databases
from benchmarks._handwritten import HandwrittenApp, sign
from benchmarks._http_load import Competitor, compare, run_server
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create

BODY = json.dumps([{"id": "1", "person": "1", "at": "2026-11-17T09:00:00+00:00"}]).encode()
HEAD = (
    "POST /hooks/crm HTTP/1.1\r\nHost: x\r\nX-Signature: good\r\n"
    f"X-Hmac: {sign(BODY)}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Send the same webhook to all, at 1 and at 32 connections."""
    with databases() as urls:
        for name, url in urls.items():
            ledger = Ledger(url, create=True)
            create(ledger)
            ledger.close()
            with (
                run_server(_bare_app, url) as bare,
                run_server(HandwrittenApp, url) as handwritten,
                run_server(build_product_app, url) as product,
            ):
                for callers in (1, 32):
                    competitors = (
                        Competitor("bare FastAPI handler, not stored", *bare, _build_request),
                        Competitor("by hand", *handwritten, _build_request, 0.6 if callers == 32 else None),
                        Competitor("stored before the answer", *product, _build_request),
                    )
                    yield from compare(f"webhook on {name}, {callers} connections", competitors, callers)


def _build_request(_number: int) -> bytes:
    return HEAD.encode() + BODY


def _bare_app(_url: str) -> object:
    app = FastAPI(openapi_url=None)

    @app.post("/hooks/crm")
    async def handler(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse({"status": "accepted"})

    return app
