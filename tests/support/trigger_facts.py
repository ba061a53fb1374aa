"""Facts on which a trigger decides, as tests vary them."""

from __future__ import annotations

from datetime import UTC, datetime

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.filters import compile_filter
from nps_connect.rules.trigger_decision import Facts
from nps_connect.settings.model import Limits, Trigger

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
ANNE = Contact(connection="crm", id="17", email="anne@example.com", language="fr", fields={"city": "Lyon"})
FIELDS = {"amount": "number", "email": "text", "note": "text", "city": "text"}


def event(**values):
    filled = {"key": "deal.won:1:1", "kind": "deal.won", "object_id": "1", "occurred_at": NOW} | values
    return Event(**filled)


def trigger(**values):
    return Trigger(**{"on": "deal.won", "from": "crm", "survey": "after-purchase"} | values)


def where(text):
    return compile_filter(text, FIELDS, open_fields=False)


def facts(**values):
    defaults = {
        "trigger": trigger(delay="3d"),
        "event": event(fields={"amount": "120.00"}),
        "now": NOW,
        "limits": Limits(),
        "filter": where("amount >= 100"),
        "contacts": (ANNE,),
        "suppression_reason": None,
        "veto_reason": None,
        "history": ContactHistory(),
        "surveys_due": lambda _day: 0,
        "trigger_surveys_due": lambda _day: 0,
        "outranked_by": None,
        "blocked_until": None,
        "reached": 0,
        "baseline": lambda: 0.0,
        "released": False,
        "seen_at": values.get("now", NOW),
        "zone": UTC,
        "was_looked_up": False,
    }
    return Facts(**defaults | values)
