"""The same work as the product's routes, by hand: ASGI, one HMAC, SQL for the driver, and the product's group commit.

There is no framework, no validation, no sanitization, no rule and no template; what remains is what a durable response
costs at least. A batch is read by one select and written by one statement per table, as in the product.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

from benchmarks._fixtures import START
from nps_connect.ledger.columns import utc_text
from nps_connect.ledger.ledger import Ledger
from nps_connect.services.links import Links
from nps_connect.web.batcher import Batcher

KEY = b"a-signing-key-for-tests"
PAGE = b"x" * 9_000
SELECT_INVITATIONS = """
SELECT i.public_id, i.id, i.survey, i.touchpoint, i.language, i.state, i.sent_at, i.expires_at, i.contact_id, c.mailbox,
       c.connection, c.vendor_id, c.record, r.id, r.public_id, r.revision, r.score, r.comment, r.answered_at
FROM survey_invitations i JOIN contacts c ON c.id = i.contact_id LEFT JOIN responses r ON r.invitation_id = i.id
WHERE i.public_id """
ADD_COUNT = """
ON CONFLICT (dimension, day, survey, dimensions, scale, value)
DO UPDATE SET count = daily_figures.count + excluded.count
"""
ROUTES, DETRACTOR_ROUTES = (
    {"write_score": "crm", "invite_review": "mail"},
    {"open_ticket": "helpdesk", "send_alert": "team"},
)
"""Action and connection of the deliveries of every response, and of those that a detractor's leads to as well."""


def sign(body: bytes) -> str:
    """Return the signature of a webhook, in hexadecimal digits."""
    return hmac.digest(KEY, body, "sha256").hex()


class HandwrittenApp:
    """An ASGI application with three routes: ``POST /hooks/crm``, ``GET /s/<token>`` and ``POST /s/<token>``.

    Args:
        url: of a ledger with the newest schema.
    """

    def __init__(self, url: str) -> None:
        self._ledger = Ledger(url)
        self._links = Links("http://127.0.0.1", [KEY.decode()])
        self._mark = "?" if self._ledger.is_sqlite else "%s"
        self._threads = threading.local()
        self._webhooks: Batcher[bytes, None] = Batcher(self._store_webhooks, "webhooks")
        self._pages: Batcher[str, Any] = Batcher(self._load_invitations, "pages")
        self._submissions: Batcher[tuple[str, dict[str, list[str]]], int] = Batcher(self._store_responses, "responses")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            raise TypeError("only HTTP is handled")  # so that uvicorn goes on without its lifespan protocol
        is_post, body = scope["method"] == "POST", b""
        while is_post:
            message = await receive()
            body += message["body"]
            is_post = message.get("more_body", False)
        if scope["path"] == "/hooks/crm":
            signature = next((value for name, value in scope["headers"] if name == b"x-hmac"), b"")
            status = 200 if hmac.compare_digest(signature.decode(), sign(body)) else 401
            if status == 200:
                await self._webhooks.submit(body)
            await _respond(send, status, b'{"status":"accepted"}', b"application/json")
            return
        public_id = self._links.read_survey(scope["path"][3:])
        if public_id is None:
            await _respond(send, 404, b"", b"text/html")
        elif scope["method"] == "GET":
            row = await self._pages.submit(public_id)
            await _respond(send, 200 if row else 404, PAGE, b"text/html; charset=utf-8")
        else:
            score = await self._submissions.submit((public_id, parse_qs(body.decode())))
            await _respond(send, 303, b"", b"text/html", (b"location", f"./?score={score}".encode()))

    def _store_webhooks(self, bodies: Sequence[bytes]) -> list[None]:
        now, database = self._moment(START), self._begin()
        columns = "queue_name state due_at attempts connection method url headers body received_at events_new"
        values = ("crm/parse", "pending", now, 0, "crm", "POST", "http://127.0.0.1/hooks/crm", "{}")
        rows = [(*values, body, now, 0, 0) for body in bodies]
        self._insert(database, "raw_requests", f"{columns} events_duplicate", rows)
        database.commit()
        return [None] * len(bodies)

    def _load_invitations(self, public_ids: Sequence[str]) -> list[Any]:
        database = self._begin(write=False)
        invitations = self._select_invitations(database, public_ids)
        database.commit()
        return [invitations.get(public_id) for public_id in public_ids]

    def _store_responses(self, submissions: Sequence[tuple[str, dict[str, list[str]]]]) -> list[int]:
        now, database = self._moment(START), self._begin()
        invitations = self._select_invitations(database, [public_id for public_id, _ in submissions])
        responses = []
        for public_id, form in submissions:
            _, invitation_id, survey, touchpoint, *_, contact_id = invitations[public_id][:9]
            values = (int(form["send"][0]), form["comment"][0], form["lang"][0], False, "[]")
            ids = (f"r-{public_id}", invitation_id, contact_id)
            responses.append((*ids, survey, touchpoint, "nps-0-10", 1, *values, now))
        columns = "score comment language do_not_contact follow_up"
        names = f"public_id invitation_id contact_id survey touchpoint scale revision {columns} answered_at"
        id_by_invitation = self._insert_responses(database, names, responses)
        revisions, deliveries, states, tallies, views = [], [], [], [], []
        for response in responses:
            public_id, invitation_id, contact_id, score = *response[:3], response[7]
            response_id = id_by_invitation[invitation_id]
            revisions.append((response_id, 1, *response[7:12], True, now))
            segment = "promoter" if score > 8 else "passive" if score > 6 else "detractor"
            states.append((response_id, "stars", contact_id, segment, True, False, False, False))
            tallies.append(("stars", segment, contact_id, True, False, False, False))
            views.append(("survey", invitation_id, "POST", now, score, "fast"))
            for action, connection in (ROUTES | DETRACTOR_ROUTES if segment == "detractor" else ROUTES).items():
                ids = (connection, action, contact_id, invitation_id, response_id, 1, '{"route":0}')
                key = f"{action}-{public_id}"
                deliveries.append((f"{connection}/{action}", "pending", now, 0, key, *ids, False, now))
        self._insert(database, "response_revisions", f"response_id revision {columns} is_final at", revisions)
        counts = "shown sent opened bot_opened"
        self._insert(database, "review_link_states", f"response_id platform contact_id segment {counts}", states)
        self._insert(database, "review_tallies", f"platform segment contact_id {counts}", tallies)
        ids_names = "connection action contact_id invitation_id response_id revision options in_doubt created_at"
        self._insert(database, "deliveries", f"queue_name state due_at attempts key {ids_names}", deliveries)
        self._insert(database, "page_views", "purpose invitation_id method at score bot_signals", views)
        day, figures = START.date().isoformat(), Counter[tuple[str, ...]]()
        for response in responses:
            survey, touchpoint, score = *response[3:5], str(response[7])
            groups = {"touchpoint": touchpoint, "language": response[9], "collected_by": "web"}
            for name, value in groups.items():
                figures[name, day, survey, f'{{"{name}":"{value}"}}', "nps-0-10", score] += 1
        rows = [(*figure, count) for figure, count in sorted(figures.items())]
        self._insert(database, "daily_figures", "dimension day survey dimensions scale value count", rows, ADD_COUNT)
        database.commit()
        return [response[7] for response in responses]

    def _begin(self, *, write: bool = True) -> Any:
        """Return this thread's connection of the driver, in a new transaction."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = self._ledger.engine.raw_connection().driver_connection
        database = self._threads.connection
        if self._ledger.is_sqlite:
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        return database

    def _select_invitations(self, database: Any, public_ids: Sequence[str]) -> dict[str, Any]:
        is_sqlite = self._ledger.is_sqlite
        condition = "IN (SELECT value FROM json_each(?))" if is_sqlite else "= ANY(%s)"
        parameter = json.dumps(public_ids) if is_sqlite else list(public_ids)
        return {row[0]: row for row in database.execute(SELECT_INVITATIONS + condition, (parameter,)).fetchall()}

    def _insert(
        self, database: Any, table: str, names: str, rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
    ) -> None:
        marks = ", ".join([self._mark] * len(rows[0]))
        statement = f"INSERT INTO {table} ({names.replace(' ', ', ')}) VALUES ({marks}) {on_conflict}"
        database.cursor().executemany(statement, rows)

    def _insert_responses(self, database: Any, names: str, rows: Sequence[tuple[Any, ...]]) -> dict[int, int]:
        """Return the ids of the new responses by invitation id."""
        marks = ", ".join([f"({', '.join([self._mark] * len(rows[0]))})"] * len(rows))
        statement = f"INSERT INTO responses ({names.replace(' ', ', ')}) VALUES {marks} RETURNING invitation_id, id"
        return dict(database.execute(statement, tuple(chain.from_iterable(rows))).fetchall())

    def _moment(self, moment: datetime) -> Any:
        return utc_text(moment) if self._ledger.is_sqlite else moment


async def _respond(send: Any, status: int, body: bytes, content_type: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = str(len(body)).encode()
    all_headers = [(b"content-type", content_type), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
