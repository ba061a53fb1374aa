"""Fixtures: a simulated Zendesk, connections to it, and records to deliver."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

import nps_connect_zendesk
from nps_connect import Contact, Response, ScoreUpdate, SimulatedPerson, TicketDraft, TicketUpdate
from nps_connect.testing import START, FixedClock, VendorTransport, connect
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN

ADA = SimulatedPerson(email="ada@example.com", name="Ada Example", language="fr")
BASE_SETTINGS = {"subdomain": "exemple", "access_token": TOKEN}


class LossyTransport(VendorTransport):
    """Passes requests to the vendor and loses selected responses on the way back.

    Attributes:
        lose: number of the next responses to `POST /api/v2/tickets` that are lost after they were applied.
        lose_before: number of these requests that are lost before they arrive.
    """

    lose = 0
    lose_before = 0
    matching = ("POST", "/api/v2/tickets")

    def handle_request(self, request):
        hit = (request.method, request.url.path) == self.matching
        if hit and self.lose_before:
            self.lose_before -= 1
            raise httpx.ReadTimeout("lost on the way there", request=request)
        response = super().handle_request(request)
        if hit and self.lose:
            self.lose -= 1
            raise httpx.ReadTimeout("lost on the way back", request=request)
        return response


class ScriptedTransport(httpx.BaseTransport):
    """Responds to every request with the same reply."""

    def __init__(self, status, body=b"", headers=None):
        self.reply = (status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers or {})
        self.requests = []

    def handle_request(self, request):
        self.requests.append(request)
        status, body, headers = self.reply
        return httpx.Response(status, content=body, headers=headers, request=request)


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def vendor(clock):
    vendor = Simulated(clock)
    vendor.populate([ADA])
    return vendor


@pytest.fixture
def transport(vendor):
    return LossyTransport(vendor)


@pytest.fixture
def helpdesk(vendor, clock, transport):
    """Return a function that makes a connection to the simulated Zendesk; keyword arguments are settings."""

    def make(*, through=None, tokens=None, at=vendor, **settings):
        base = {"subdomain": "exemple"} if {"client_id", "email"} & set(settings) else BASE_SETTINGS
        return connect(
            nps_connect_zendesk,
            {**base, **settings},
            at,
            clock=clock,
            name="helpdesk",
            transport=through or transport,
            tokens=tokens,
        )

    return make


@pytest.fixture
def make_scripted_connection(helpdesk):
    """Return a function that makes a connection whose every call gets this reply."""

    def make(status, body=b"", headers=None, **settings):
        scripted = ScriptedTransport(status, body, headers)
        return helpdesk(through=scripted, **settings), scripted

    return make


def build_contact(**changes):
    return Contact(**{"connection": "crm", "id": "101", "email": ADA.email, "name": ADA.name, **changes})


def build_response(**changes):
    defaults = {
        "id": "resp1",
        "revision": 1,
        "survey": "after-purchase",
        "touchpoint": "purchase",
        "score": 2,
        "comment": "Late, and nobody answered.",
        "language": "fr",
        "answered_at": START,
    }
    return Response(**{**defaults, **changes})


@pytest.fixture
def draft():
    def make(**changes):
        defaults = {
            "contact": build_contact(),
            "response": build_response(),
            "idempotency_key": "case1:open_ticket",
            "external_id": "nps-resp1",
            "subject": "NPS 2 from Ada Example",
            "body": "Score: 2 (detractor)\nLate, and nobody answered.",
            "priority": "urgent",
            "tags": ("nps", "nps-detractor"),
            "deadline": START + timedelta(days=1),
        }
        return TicketDraft(**{**defaults, **changes})

    return make


@pytest.fixture
def change():
    def make(ticket_id, **changes):
        defaults = {
            "contact": build_contact(),
            "response": build_response(revision=2, score=4),
            "idempotency_key": "case1:update:2",
            "ticket_id": str(ticket_id),
            "body": "The customer wrote again: still waiting.",
            "priority": "high",
            "tags": ("nps-late-comment",),
        }
        return TicketUpdate(**{**defaults, **changes})

    return make


@pytest.fixture
def score(vendor):
    def make(**changes):
        user = vendor.account.user_with(ADA.email)
        contact = Contact(connection="helpdesk", id=str(user["id"]), email=ADA.email)
        defaults = {"contact": contact, "response": build_response(score=9), "idempotency_key": "resp1:1:write_score"}
        return ScoreUpdate(**{**defaults, **changes})

    return make


@pytest.fixture
def make_response():
    """Return a function that builds a response; keyword arguments replace its values."""
    return build_response


@pytest.fixture
def person():
    """Return a function that builds a contact of the CRM; keyword arguments replace its values."""
    return build_contact
