"""Serve the API: authentication, limits, validation and errors are the same for every endpoint.

It bypasses FastAPI, like the routes of webhooks and survey pages; FastAPI describes the endpoints, see `openapi`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from nps_connect.records.api_requests import ApiModel, EventRequest
from nps_connect.records.api_results import ApiCaller, ApiProblem, ApiResult, ApiWrite, invalid
from nps_connect.web.api.endpoints import OPENAPI_PATH, Endpoint, find_endpoints
from nps_connect.web.api.openapi import render_openapi
from nps_connect.web.api.problems import problem_response, validation_problem
from nps_connect.web.api.rate_limit import RequestLimiter
from nps_connect.web.machine_routes import MAX_BODY_BYTES, RETRY_AFTER_SECONDS, STORE_TIMEOUT_SECONDS
from nps_connect.web.site import Site
from nps_connect.web.web_request import UnreadableBody, WebRequest

MAX_QUERY_FIELDS = 30
REQUEST_ID = "x-request-id"
_PROCESS_ID = secrets.token_hex(8)
_request_numbers = count(1)
"""New ids of requests are numbers of this process: random ones would cost 7 µs each."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_BEARER = re.compile(r"Bearer +([\w.~+/-]+=*)", re.IGNORECASE | re.ASCII)
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_BODY_PROBLEMS = {
    400: ("unreadable", "the body was not received completely"),
    408: ("too-slow", "the body did not arrive in time"),
    413: ("too-large", f"a body has at most {MAX_BODY_BYTES} bytes"),
}


class ApiRoutes:
    """The API of a site.

    Args:
        site: what the routes share.
        monotonic: the clock of the rate limit, in seconds.
    """

    def __init__(self, site: Site, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._site, self._backend = site, site.backend.api
        self._limiter = RequestLimiter(self._backend.requests_per_minute, monotonic)
        self._refreshing = asyncio.Lock()

    async def respond(self, request: WebRequest, _rest_of_path: str) -> Response:
        """Handle one request below ``/api/``."""
        request_id = assign_request_id(request)
        headers = {**_HEADERS, "X-Request-Id": request_id}
        try:
            return await self._respond(request, headers)
        except ApiProblem as problem:
            return problem_response(problem, request_id, headers)

    async def _respond(self, request: WebRequest, headers: dict[str, str]) -> Response:
        token = _bearer_token(request)
        if self._backend.is_stale(token):
            async with self._refreshing:
                if self._backend.is_stale(token):
                    await run_in_threadpool(self._backend.refresh)
        if not self._backend.is_enabled:
            raise not_found()
        path = request.scope["path"]
        if path == OPENAPI_PATH and request.method == "GET":
            request.scope["route"] = SimpleNamespace(path=OPENAPI_PATH)
            return Response(await run_in_threadpool(render_openapi), 200, headers, "application/json")
        endpoint, subject = _find_endpoint(request, path)
        request.scope["route"] = endpoint
        caller = self._backend.authenticate(token)
        request.scope["log_fields"] = f"{request.scope['log_fields']} key={caller.name!r}"
        allowance = self._limiter.acquire(caller.key_id)
        headers.update(self._limiter.headers(allowance))
        if not allowance.is_granted:
            retry = {"Retry-After": str(allowance.reset_seconds)}
            raise ApiProblem(429, "rate-limit", f"more than {self._limiter.per_minute} in a minute", headers=retry)
        if token is not None and self._backend.has_unrecorded_use(token):
            await run_in_threadpool(self._backend.record_use, token)
        if endpoint.scope not in caller.scopes:
            raise ApiProblem(403, "scope-missing", f"the key lacks the scope {endpoint.scope}")
        if endpoint.method == "GET":
            query = parse_query(request.scope["query_string"], endpoint.request)
            result = await run_in_threadpool(self._backend.read, caller, query, subject)
            return Response(to_json(result), 200, headers, "application/json")
        written = await self._write(request, endpoint, caller)
        if written.is_replay:
            headers["Idempotency-Replayed"] = "true"
        return Response(to_json(written.body), written.status, headers, "application/json")

    async def _write(self, request: WebRequest, endpoint: Endpoint, caller: ApiCaller) -> ApiResult:
        content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise ApiProblem(415, "media-type", "send Content-Type: application/json")
        key = request.header("idempotency-key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise invalid("Idempotency-Key", "use letters, digits, dots, colons, dashes and underscores, at most 200")
        if request.scope["query_string"]:
            raise ApiProblem(422, "invalid", "this endpoint takes no query")
        try:
            body = await request.read_body(MAX_BODY_BYTES)
        except UnreadableBody as error:
            raise ApiProblem(error.status, *_BODY_PROBLEMS[error.status]) from None
        try:
            model = endpoint.request.model_validate_json(body)
        except ValidationError as error:
            raise validation_problem(error) from None
        digest = "" if key is None else hashlib.sha256(f"{endpoint.path}\0".encode() + body).hexdigest()
        write = ApiWrite(caller, model, key, digest)
        if endpoint.request is EventRequest:
            return await _wait_for(self._site.api_event_batcher.submit(write))
        return await _wait_for(self._write_alone(write))

    async def _write_alone(self, write: ApiWrite) -> ApiResult:
        """Carry out a request that may ask a vendor first, in a thread of its own: no other one waits for it."""
        [result] = await run_in_threadpool(self._backend.write, [write])
        if isinstance(result, Exception):
            raise result
        return result


async def _wait_for(writing: Coroutine[Any, Any, ApiResult]) -> ApiResult:
    """Return the result of a request.

    Raises:
        ApiProblem: it is refused, or the ledger does not respond in time; it may be carried out later then.
    """
    stored = asyncio.ensure_future(writing)
    try:
        async with asyncio.timeout(STORE_TIMEOUT_SECONDS):
            return await asyncio.shield(stored)
    except TimeoutError:
        stored.add_done_callback(lambda late: late.exception())
        raise unavailable() from None


def not_found() -> ApiProblem:
    """Return the problem of a path that does not exist, new each time: a raised exception keeps its frames."""
    return ApiProblem(404, "not-found", "there is nothing here")


def unavailable() -> ApiProblem:
    """Return the problem of a request that cannot be served now."""
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return ApiProblem(503, "unavailable", "try again soon, with the same Idempotency-Key", headers=headers)


def error_response(request: WebRequest) -> Response:
    """Return the response to a request that failed unexpectedly; the log says more under its request id."""
    request_id = request.scope.get("request_id") or assign_request_id(request)
    return problem_response(unavailable(), request_id, {**_HEADERS, "X-Request-Id": request_id})


def assign_request_id(request: WebRequest) -> str:
    """Return the id of a request, as sent or new, and note it for the access log."""
    sent = request.header(REQUEST_ID)
    request_id = (
        sent if sent is not None and _REQUEST_ID.fullmatch(sent) else f"{_PROCESS_ID}-{next(_request_numbers):x}"
    )
    request.scope["request_id"], request.scope["log_fields"] = request_id, f" request_id={request_id}"
    return request_id


def parse_query(query_string: bytes, model: type[ApiModel]) -> ApiModel:
    """Return the validated query.

    Raises:
        ApiProblem: 422.
    """
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise ApiProblem(422, "invalid", "the query has too many parameters") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ApiProblem(422, "invalid", "the query has a parameter twice")
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        raise validation_problem(error) from None


def _find_endpoint(request: WebRequest, path: str) -> tuple[Endpoint, str | None]:
    by_method: Mapping[str, Endpoint]
    by_method, subject = find_endpoints(path)
    if not by_method and path != OPENAPI_PATH:
        raise not_found()
    endpoint = by_method.get(request.method)
    if endpoint is None:
        allow = {"Allow": ", ".join(sorted(by_method)) or "GET"}
        raise ApiProblem(405, "method", f"use {allow['Allow']}", headers=allow)
    return endpoint, subject


def _bearer_token(request: WebRequest) -> str | None:
    match = _BEARER.fullmatch(request.header("authorization") or "")
    return match[1] if match is not None else None
