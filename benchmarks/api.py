"""The API: events against the webhook door of the same product, and pages of 50 of 1,000,000 stored responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from time import process_time

from pydantic_core import to_json
from sqlalchemy import text

from benchmarks._fixtures import START, ApplicationHarness, ManualClock, analyze, build_product_app, databases
from benchmarks._http_load import Competitor, compare, run_server
from benchmarks.intake import BODY, HEAD
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.records.api_requests import ResponseQuery
from nps_connect.records.api_results import ApiCaller
from nps_connect.records.api_scopes import API_SCOPES
from nps_connect.services.api.reads import execute_read
from nps_connect.services.api_keys.keys import add_key
from nps_connect.web.app import create_app

RESPONSES = 1_000_000
CONTACTS = 100_000
PAGES = 50
MAX_PAGE_SECONDS = 0.03
LIMIT = {"api": {"requests_per_minute": 10_000_000}}

INSERTS = (
    """
    INSERT INTO contacts (id, connection, vendor_id, email, name, opted_out, record)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :contacts)
    SELECT n, 'crm', CAST(n AS TEXT), CAST(n AS TEXT) || '@example.com', 'Marie Martin', false, '{}' FROM numbers
    """,
    """
    INSERT INTO survey_invitations
        (id, public_id, survey, touchpoint, trigger, contact_id, language, state, created_at, due_at, expires_at)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :responses)
    SELECT n, CAST(n AS TEXT), 'after-purchase', 'purchase', 't', 1 + n % :contacts, 'fr', 'sent', {at}, {at}, {at}
    FROM numbers
    """,
    """
    INSERT INTO responses (id, public_id, invitation_id, contact_id, survey, touchpoint, scale, revision, score,
                           comment, language, do_not_contact, follow_up, answered_at)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :responses)
    SELECT n, 'r-' || CAST(n AS TEXT), n, 1 + n % :contacts,
           CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'after-purchase' END, 'purchase', 'nps-0-10', 1, n % 11,
           'Livraison rapide, merci Marie', 'fr', false, '[]', {at}
    FROM numbers
    """,
)
MOMENT = {
    "SQLite": "strftime('%Y-%m-%d %H:%M:%f', '2026-11-17', '-' || (n * 60) || ' seconds') || '000'",
    "PostgreSQL": "TIMESTAMPTZ '2026-11-17 00:00Z' - n * INTERVAL '60 seconds'",
}


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Yield the rates of events, then the CPU time of pages."""
    with databases() as urls:
        for name, url in urls.items():
            ledger = Ledger(url, create=True)
            create(ledger)
            with ledger.write() as session:
                actor, scopes = Actor("cli", "bench"), set(API_SCOPES)
                key = add_key(session, name="bench", scopes=scopes, expires_at=None, actor=actor, now=START)
            ledger.engine.dispose()
            yield from _measure_events(name, url, key)
            yield from _measure_pages(name, ledger)
            ledger.close()


def _measure_events(name: str, url: str, key: str) -> Iterator[tuple[str, int, float, str]]:
    with run_server(build_product_app, url) as door, run_server(_build_api_app, url) as api:
        competitors = (
            Competitor("webhook", *door, lambda _number: HEAD.encode() + BODY),
            Competitor("event by the API", *api, partial(_build_event, key)),
        )
        yield from compare(f"API on {name}, 32 connections", competitors, 32)


def _build_api_app(url: str) -> object:
    application = ApplicationHarness(Ledger(url), ManualClock(), LIMIT)
    return create_app(application.backend, clock=application.clock)


def _build_event(key: str, number: int) -> bytes:
    event = {
        "connection": "crm",
        "kind": "deal.won",
        "object_id": str(number),
        "occurred_at": "2026-11-17T08:00:00Z",
        "contact": {"id": "1"},
    }
    body = json.dumps(event).encode()
    head = (
        f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _measure_pages(name: str, ledger: Ledger) -> Iterator[tuple[str, int, float, str]]:
    """Raise an error if a page takes longer than promised."""
    with ledger.write() as session:
        for statement in INSERTS:
            parameters = {"contacts": CONTACTS, "responses": RESPONSES}
            named = {key: value for key, value in parameters.items() if f":{key}" in statement}
            session.connection().execute(text(statement.replace("{at}", MOMENT[name])), named)
    analyze(ledger, "contacts", "responses")
    application = ApplicationHarness(ledger, ManualClock())
    caller = ApiCaller(1, "bench", frozenset({"responses:read"}))
    for what, query in (
        ("all", ResponseQuery()),
        ("detractors", ResponseQuery(segment="detractor")),
        ("of a survey with 0.1 % of them", ResponseQuery(survey="rare")),
    ):
        cursor, started_at = None, process_time()
        for _ in range(PAGES):
            page = execute_read(application.ctx, caller, query.model_copy(update={"cursor": cursor}))
            to_json(page)
            cursor = page.next_cursor if (page.next_cursor or query.survey != "rare") else None
        seconds = process_time() - started_at
        verdict = "reached" if seconds / PAGES <= MAX_PAGE_SECONDS else "missed"
        yield (
            f"50 of {RESPONSES:,} responses on {name}, {what}, page after page, CPU of this process",
            PAGES,
            seconds,
            f"goal 30 ms {verdict}",
        )
