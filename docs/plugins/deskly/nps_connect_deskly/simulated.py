"""Simulated Deskly: what its API does, in memory, with its authentication, idempotency and signatures."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nps_connect import (
    SimulatedPerson,
    SimulatedVendor,
    VendorEffects,
    VendorReply,
    VendorRequest,
    VendorWebhook,
    json_reply,
    sign_hmac,
    system_clock,
)
from nps_connect.connection import Clock

TOKEN = "simulated-deskly-token"  # noqa: S105  # accepted by the simulated vendor only
SECRET = "simulated-deskly-secret"  # noqa: S105
QUOTA_CALLS, QUOTA_PERIOD = 100, timedelta(minutes=1)


class SimulatedDeskly(SimulatedVendor):
    """One account of Deskly."""

    name = "deskly"

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self._lock = threading.RLock()
        self._people: dict[str, dict[str, Any]] = {}
        self._tickets: dict[str, dict[str, Any]] = {}
        self._ticket_by_key: dict[str, str] = {}
        self._calls: list[datetime] = []
        self._facts: list[dict[str, Any]] = []
        self._handlers: dict[tuple[str, str], Callable[[VendorRequest], VendorReply]] = {
            ("GET", "/me"): self._show_account,
            ("POST", "/people/lookup"): self._look_up_people,
            ("POST", "/people/scores"): self._write_scores,
            ("POST", "/tickets"): self._open_ticket,
            ("GET", "/tickets"): self._find_tickets,
            ("POST", "/tickets/lookup"): self._look_up_tickets,
            ("POST", "/tickets/notes"): self._add_note,
        }

    def handle(self, request: VendorRequest) -> VendorReply:
        """Return the response to one API request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply(401, {"error": "the token is not valid"})
        handler = self._handlers.get((request.method, request.path))
        with self._lock:
            self._calls = [call for call in self._calls if self.clock() - call < QUOTA_PERIOD]
            if len(self._calls) >= QUOTA_CALLS:
                return json_reply(429, {"error": "too many calls"}, retry_after="60")
            self._calls.append(self.clock())
            return handler(request) if handler else json_reply(404, {"error": "no such address"})

    def _show_account(self, request: VendorRequest) -> VendorReply:
        return json_reply(200, {"name": "Example account", "scopes": ["people", "tickets"]})

    def _look_up_people(self, request: VendorRequest) -> VendorReply:
        query = request.json()
        people = [p for p in self._people.values() if p["id"] in query["ids"] or p["email"] in query["emails"]]
        return json_reply(200, {"people": people})

    def _write_scores(self, request: VendorRequest) -> VendorReply:
        return json_reply(200, {"results": [self._write_score(row) for row in request.json()["rows"]]})

    def _write_score(self, row: dict[str, Any]) -> dict[str, str]:
        person = self._people.get(row["id"])
        if person is None:
            return {"id": row["id"], "result": "unknown"}
        if row["at"] < person.get("score_at", 0):
            return {"id": row["id"], "result": "older"}
        person |= {"score": row["score"], "comment": row["comment"], "score_at": row["at"]}
        return {"id": row["id"], "result": "written"}

    def _open_ticket(self, request: VendorRequest) -> VendorReply:
        key = request.headers.get("idempotency-key")
        if key is None or key not in self._ticket_by_key:
            ticket = self._add_ticket(request.json())
            self._ticket_by_key[key or ticket["id"]] = ticket["id"]
            return json_reply(201, ticket)
        return json_reply(200, self._tickets[self._ticket_by_key[key]])

    def _add_ticket(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        ticket_id = f"t-{len(self._tickets) + 1}"
        ticket = {**draft, "id": ticket_id, "open": True, "agent": None, "notes": {}}
        self._tickets[ticket_id] = ticket
        return ticket

    def _find_tickets(self, request: VendorRequest) -> VendorReply:
        wanted_id = request.query.get("external_id")
        return json_reply(200, {"tickets": [t for t in self._tickets.values() if t["external_id"] == wanted_id]})

    def _look_up_tickets(self, request: VendorRequest) -> VendorReply:
        ids = request.json()["ids"]
        return json_reply(
            200, {"tickets": [self._tickets[ticket_id] for ticket_id in ids if ticket_id in self._tickets]}
        )

    def _add_note(self, request: VendorRequest) -> VendorReply:
        note = request.json()
        ticket = self._tickets.get(note["ticket"])
        if ticket is None:
            return json_reply(404, {"error": "no such ticket"})
        ticket["notes"][note["key"]] = note["body"]
        ticket["priority"] = note["priority"]
        ticket["tags"] = sorted({*ticket.get("tags", ()), *note["add_tags"]})
        return json_reply(200, {"id": ticket["id"]})

    def state(self) -> dict[str, Any]:
        """Return people, tickets and facts."""
        with self._lock:
            content = {"people": self._people, "tickets": self._tickets, "facts": self._facts}
            return dict(json.loads(json.dumps(content)))

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return what points the example configuration at this vendor."""
        address = {f"NPS_CONNECT_CONNECTIONS__{connection}__BASE_URL": base_url}
        return {"DESKLY_TOKEN": TOKEN, "DESKLY_WEBHOOK_SECRET": SECRET, **address}

    def connection_settings(self, settings: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        """Return the settings with address and credentials of this vendor."""
        return {**settings, "base_url": base_url, "token": TOKEN, "webhook_secrets": [SECRET]}

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Add these people."""
        with self._lock:
            for number, person in enumerate(people, start=len(self._people) + 1):
                record = {"id": f"p-{number}", "email": person.email.lower(), "name": person.name}
                record |= {"language": person.language}
                self._people[f"p-{number}"] = {**record, "opted_out": person.opted_out}

    def opt_out(self, email: str) -> None:
        """Record that the person opts out."""
        with self._lock:
            for person in self._people.values():
                if person["email"] == email.lower():
                    person["opted_out"] = True

    def simulate_event(self, kind: str, email: str, fields: Mapping[str, Any] | None = None) -> list[str]:
        """Simulate a won deal, or a ticket that is solved or open again."""
        with self._lock:
            person = next((p for p in self._people.values() if p["email"] == email.lower()), None)
            if person is None or kind not in {"deal.won", "ticket.solved", "ticket.reopened"}:
                return []
            object_id = f"d-{len(self._facts) + 1}"
            if kind.startswith("ticket."):
                ticket = next((t for t in self._tickets.values() if t["email"] == person["email"]), None)
                ticket = ticket or self._add_ticket({"external_id": None, "email": person["email"]})
                ticket |= {"open": kind == "ticket.reopened", "agent": "Sam Agent"}
                object_id = ticket["id"]
            at = round(self.clock().timestamp() * 1000)
            self._facts.append({"type": kind, "id": object_id, "person": person["id"], "at": at})
            return [str(len(self._facts) - 1)]

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """Return one signed webhook with these facts."""
        with self._lock:
            body = json.dumps({"facts": [self._facts[int(fact)] for fact in facts]}).encode()
        timestamp = str(round(self.clock().timestamp()))
        signature = sign_hmac(SECRET, f"{timestamp}.".encode() + body)
        return [VendorWebhook("POST", {"X-Deskly-Time": timestamp, "X-Deskly-Signature": signature}, body)]

    def effects(self) -> VendorEffects:
        """Return scores, comments and tickets by address."""
        with self._lock:
            tickets: dict[str, list[str]] = {}
            for ticket in self._tickets.values():
                tickets.setdefault(ticket["email"], []).append(ticket["id"])
            scored = [person for person in self._people.values() if "score" in person]
            return VendorEffects(
                scores={person["email"]: person["score"] for person in scored},
                comments={person["email"]: person["comment"] for person in scored if person["comment"]},
                tickets=tickets,
            )
