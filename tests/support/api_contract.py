"""The contract of the API: generated requests against its OpenAPI document, in process and with a fixed seed.

``make api-contract`` runs the long version; the tests run a small part of the same.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from support.api_client import ApiClient
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import create_empty_database

from nps_connect.builtin import webhook
from nps_connect.ledger.ledger import Ledger
from nps_connect.web.api.openapi import build_openapi

SEED = 20261130
EXAMPLES = 300
CHECK_NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
"""Not `positive_data_acceptance`: the names of connections and surveys that exist are not part of the document."""

VALID_VALUES: dict[str, list[Any]] = {
    "connection": ["shop"],
    "survey": ["after-purchase"],
    "kind": ["order.delivered"],
    "occurred_at": ["2026-11-17T08:00:00Z"],
    "answered_at": ["2026-11-17T08:00:00Z"],
    "contact": [{"id": "c-1"}, {"id": "c-9", "email": "person9@example.com"}],
    "per_day": [1],
    "timezone": ["Europe/Paris"],
}
"""Values that exist, so that requests reach what is behind the checks of values."""


@dataclass
class ContractResult:
    """What the requests led to.

    Attributes:
        statuses: number of responses by operation and status.
        failures: what contradicts the document, one text each.
        seconds: how long it took.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run_contract(folder: Path, *, examples: int) -> ContractResult:
    """Send generated requests to every operation, valid and invalid ones.

    Args:
        folder: an empty folder for the database.
        examples: number of requests of each kind per operation.
    """
    result, started_at = ContractResult(), time.monotonic()
    database = create_empty_database(folder / "ledger.db")
    change = {
        "connections": {"shop": {"plugin": "webhook", "events": "api"}},
        "api": {"requests_per_minute": 10_000_000},
    }
    with closing(Ledger(f"sqlite:///{database}")) as ledger, asyncio.Runner() as runner:
        application = ApplicationHarness(ledger, ManualClock(), change, webhook=webhook)
        client = ApiClient(application, runner)
        _fill(client, application)
        schema = schemathesis.openapi.from_dict(_without_security(build_openapi()))
        load_all_checks()
        checks = [CHECKS.get_one(name) for name in CHECK_NAMES]
        for operation in schema.get_all_operations():
            for mode in schemathesis.GenerationMode:
                _run(operation.ok(), mode, client, runner, checks, result, examples)
    result.seconds = time.monotonic() - started_at
    return result


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without keys: every request has a valid one; who is refused has tests of its own."""
    del document["components"]["securitySchemes"]
    for methods in document["paths"].values():
        for operation in methods.values():
            del operation["security"]
    return document


def _fill(client: ApiClient, application: ApplicationHarness) -> None:
    """Store some people, so that lists have rows."""
    for number in range(2):
        contact = {"id": f"c-{number}", "email": f"person{number}@example.com", "name": f"Person {number}"}
        call = {"survey": "after-purchase", "connection": "shop", "contact": contact, "collected_by": "phone"}
        client.post("/responses", {**call, "score": 9 * number, "comment": "Bien"})
        client.post("/suppressions", {"contact": f"person{number}@example.com", "reason": "called"})
    application.run()


def _run(
    operation: Any,
    mode: schemathesis.GenerationMode,
    client: ApiClient,
    runner: asyncio.Runner,
    checks: list[Any],
    result: ContractResult,
    examples: int,
) -> None:
    """Send generated requests to one operation; what contradicts the document is added to the failures."""
    transport = httpx.ASGITransport(client.app, raise_app_exceptions=False)

    async def send(case: Any) -> httpx.Response:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
        headers = {**sent.headers, "authorization": f"Bearer {client.key}"}
        async with httpx.AsyncClient(transport=transport) as http:
            return await http.request(sent.method, sent.url, headers=headers, content=sent.body)

    @seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), values=st.fixed_dictionaries(_VALUE_STRATEGIES), is_valid=st.booleans())
    def check(case: Any, values: dict[str, Any], is_valid: bool) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE and is_valid:
            for part in (case.body, case.query):
                if isinstance(part, dict):
                    changes = {name: value for name, value in values.items() if type(part.get(name)) is type(value)}
                    part.update(changes)
        response = runner.run(send(case))
        result.statuses[f"{operation.method.upper()} {operation.path}", response.status_code] += 1
        case.validate_response(response, checks=checks)

    try:
        check()
    except (Exception, FailureGroup) as error:  # noqa: BLE001  # reported with all others
        result.failures.append(f"{operation.method.upper()} {operation.path}, {mode.value}: {error}")


_VALUE_STRATEGIES = {name: st.sampled_from(values) for name, values in VALID_VALUES.items()}


def main() -> int:
    """Run the long version and print its result; returns 1 if something contradicts the document."""
    with tempfile.TemporaryDirectory() as folder:
        result = run_contract(Path(folder), examples=EXAMPLES)
    for (operation, status), count in sorted(result.statuses.items()):
        sys.stdout.write(f"{operation}: {status}: {count}\n")
    sent = sum(result.statuses.values())
    sys.stdout.write(f"{sent} requests in {result.seconds:.0f} s, seed {SEED}; failures: {len(result.failures)}\n")
    sys.stdout.write("\n\n".join(result.failures))
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
