"""The API in one process: the real application on a ledger, called as a client calls it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any, NamedTuple

from support.application import ApplicationHarness

from nps_connect.ledger.audit_log import Actor
from nps_connect.records.api_scopes import API_SCOPES
from nps_connect.services.api_keys.keys import add_key
from nps_connect.web.app import WebApplication, create_app


class ApiResponse(NamedTuple):
    """A response: `headers` by name in lower case, `body` as parsed JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class ApiClient:
    """Calls the API of an application; every request of `together` arrives before the first is answered.

    Attributes:
        app: the ASGI application.
        key: the key that is sent.
    """

    def __init__(self, application: ApplicationHarness, runner: asyncio.Runner, *scopes: str) -> None:
        self.application, self._runner = application, runner
        self.app: WebApplication = create_app(application.backend, clock=application.clock)
        self.key = self.add_key(*(scopes or API_SCOPES))

    def add_key(self, *scopes: str, name: str = "shop", expires_at: datetime | None = None) -> str:
        self.application.clock.forward("1s")  # unknown keys are looked for once a second
        with self.application.ledger.write() as session:
            return add_key(
                session,
                name=name,
                scopes=set(scopes),
                expires_at=expires_at,
                actor=Actor("cli", "ops"),
                now=self.application.clock(),
            )

    def post(self, path: str, body: Any, **headers: str) -> ApiResponse:
        return self.together((path, body, headers))[0]

    def get(self, path: str, **headers: str) -> ApiResponse:
        return self._runner.run(self.request("GET", path, headers=headers))

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> ApiResponse:
        return self._runner.run(self.request(method, path, body, headers))

    def together(self, *requests: tuple[str, Any, dict[str, str]]) -> list[ApiResponse]:
        async def send_all() -> list[ApiResponse]:
            sent = (
                self.request("POST", path, json.dumps(body).encode(), {"content_type": "application/json", **headers})
                for path, body, headers in requests
            )
            return list(await asyncio.gather(*sent))

        return self._runner.run(send_all())

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> ApiResponse:
        sent: list[dict[str, Any]] = []
        path, _, query = path.partition("?")
        named = {"authorization": f"Bearer {self.key}", **(headers or {})}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "scheme": "https",
            "path": path if path.startswith("/api") else f"/api/v1{path}",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items() if value],
            "client": ("203.0.113.77", 50000),
        }
        await self.app(scope, receive, send)
        answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return ApiResponse(sent[0]["status"], answer, json.loads(sent[1]["body"]))
