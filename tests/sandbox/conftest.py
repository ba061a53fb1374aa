from __future__ import annotations

import threading

import pytest

from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.simulation import SimulatedVendor, VendorEffects, VendorReply, VendorTable, VendorWebhook, json_reply


class Acme(SimulatedVendor):
    """A vendor with notes: POST /notes stores one, GET /echo returns what it received."""

    name = "acme"

    def __init__(self, **options):
        super().__init__(**options)
        self.notes = []
        self.people = {}
        self.lock = threading.Lock()

    def handle(self, request):
        if request.path == "/notes":
            with self.lock:
                self.notes.append(request.body.decode())
            return json_reply(201, {"count": len(self.notes)}, x_request_id="r-1")
        if request.path == "/nothing":
            return VendorReply(204)
        if request.path == "/broken":
            raise RuntimeError("disk full")
        return json_reply(
            200, {"path": request.path, "query": request.query, "user_agent": request.headers["user-agent"]}
        )

    def state(self):
        return {"notes": self.notes, "people": {email: person.opted_out for email, person in self.people.items()}}

    def environment(self, base_url, connection):
        return {f"NPS_CONNECT_CONNECTIONS__{connection.upper()}__BASE_URL": base_url, "ACME_TOKEN": "token-of-acme"}

    def populate(self, people):
        self.people |= {person.email: person for person in people}

    def simulate_event(self, kind, email):
        return [f"{kind}/{email}"] if email in self.people else []

    def webhooks(self, facts, url):
        return [VendorWebhook("POST", {"x-acme-for": url}, fact.encode()) for fact in facts]

    def opt_out(self, email):
        self.people.pop(email, None)

    def effects(self):
        return VendorEffects(alerts=tuple(self.notes))

    def tables(self):
        return [VendorTable("Notes", ("Text",), [[note] for note in self.notes])]


@pytest.fixture
def acme():
    return Acme()


@pytest.fixture
def sandbox(acme):
    kinds = {"acme": ("deal.won", "deal.lost"), "absent": ("deal.won",)}
    with Sandbox({"acme": acme}, connections={"acme": "crm"}, event_kinds=kinds) as running:
        yield running
