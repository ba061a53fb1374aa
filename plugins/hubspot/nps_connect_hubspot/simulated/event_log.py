"""Events at the portal as webhook entries, and webhooks formed and signed like HubSpot's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nps_connect import VendorWebhook
from nps_connect_hubspot.simulated.portal import CONTACT, DEAL, TICKET, Portal, Record
from nps_connect_hubspot.simulated.replies import JsonObject
from nps_connect_hubspot.webhooks import (
    SIGNATURE,
    SIGNATURE_V3,
    SIGNATURE_VERSION,
    TIMESTAMP,
    signature_v1,
    signature_v3,
)

APP_ID = 31337
MAX_ENTRIES_PER_WEBHOOK = 100
"""Entries per webhook (HubSpot documentation, webhooks: up to 100)."""

DEAL_TO_CONTACT_TYPE_ID, TICKET_TO_CONTACT_TYPE_ID = 3, 16


@dataclass
class EventLog:
    """Events by the id of the fact.

    Attributes:
        portal: where they happened.
        sent: how often each event has been sent.
    """

    portal: Portal
    entries: dict[str, JsonObject] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)

    def record_event(self, kind: str, record_id: str, now: datetime, **more: object) -> str:
        """Record an event and return its id."""
        fact = f"fact-{len(self.entries) + 1}"
        self.entries[fact] = {
            "eventId": 1000 + len(self.entries),
            "subscriptionId": 12345,
            "portalId": self.portal.portal_id,
            "appId": APP_ID,
            "occurredAt": round(now.timestamp() * 1000),
            "subscriptionType": kind,
            "objectId": int(record_id),
            "changeSource": "CRM_UI",
            "sourceId": "userId:1",
            **more,
        }
        return fact

    def simulate_event(self, kind: str, contact: Record, now: datetime) -> list[str]:
        """Simulate an event of a contact; returns its ids, none for an unknown kind."""
        if kind == "deal.won":
            return self._deal_won(contact, now)
        if kind == "ticket.closed":
            return self._ticket_closed(contact, now)
        if kind == "contact.property_changed":
            stage = "lead" if contact.properties.get("lifecyclestage") == "customer" else "customer"
            contact.set({"lifecyclestage": stage}, now)
            change = {"propertyName": "lifecyclestage", "propertyValue": stage}
            return [self.record_event("contact.propertyChange", contact.id, now, **change)]
        if kind == "contact.created":
            return [self.record_event("contact.creation", contact.id, contact.created, changeFlag="CREATED")]
        if kind in ("contact.deleted", "contact.privacy_deleted"):
            return self._deleted(kind, contact, now)
        return []

    def _deal_won(self, contact: Record, now: datetime) -> list[str]:
        number = len(self.portal.records[DEAL]) + 1
        properties = {"dealname": f"Order {number}", "amount": str(100 + 25 * number), "pipeline": "default"}
        deal = self.portal.create(DEAL, {**properties, "dealstage": "appointmentscheduled"}, now)
        self.portal.link(deal, contact, DEAL_TO_CONTACT_TYPE_ID)
        return [self.enter_stage(deal, "closedwon", now)]

    def enter_stage(self, record: Record, stage: str, now: datetime) -> str:
        """Move a deal or ticket to a stage; returns the id of the event."""
        name, noun = ("dealstage", "deal") if record.kind == DEAL else ("hs_pipeline_stage", "ticket")
        record.set({name: stage}, now)
        return self.record_event(f"{noun}.propertyChange", record.id, now, propertyName=name, propertyValue=stage)

    def _ticket_closed(self, contact: Record, now: datetime) -> list[str]:
        ticket = self.portal.create(TICKET, {"subject": "A question", "hs_pipeline_stage": "1"}, now)
        self.portal.link(ticket, contact, TICKET_TO_CONTACT_TYPE_ID)
        return [self.enter_stage(ticket, "4", now)]

    def _deleted(self, kind: str, contact: Record, now: datetime) -> list[str]:
        contact.archived = True
        facts = [self.record_event("contact.deletion", contact.id, now, changeFlag="DELETED")]
        if kind == "contact.privacy_deleted":
            # A privacy deletion is preceded by an ordinary deletion; the data is gone for good.
            facts.append(self.record_event("contact.privacyDeletion", contact.id, now))
            del self.portal.records[CONTACT][contact.id]
        return facts

    def webhooks(self, facts: Sequence[str], url: str, secret: str, now: datetime) -> list[VendorWebhook]:
        """Return the webhooks for these events, 100 entries each; each resend has the next attempt number."""
        recorded = [fact for fact in facts if fact in self.entries]
        return [
            self._webhook(recorded[start : start + MAX_ENTRIES_PER_WEBHOOK], url, secret, now)
            for start in range(0, len(recorded), MAX_ENTRIES_PER_WEBHOOK)
        ]

    def _webhook(self, facts: Sequence[str], url: str, secret: str, now: datetime) -> VendorWebhook:
        entries = []
        for fact in facts:
            entries.append({**self.entries[fact], "attemptNumber": self.sent.get(fact, 0)})
            self.sent[fact] = self.sent.get(fact, 0) + 1
        body = json.dumps(entries).encode()
        timestamp = str(round(now.timestamp() * 1000))
        headers = {
            "content-type": "application/json",
            "user-agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)",
            SIGNATURE: signature_v1(secret, body),
            SIGNATURE_VERSION: "v1",
            SIGNATURE_V3: signature_v3(secret, "POST", url, body, timestamp),
            TIMESTAMP: timestamp,
        }
        return VendorWebhook("POST", headers, body)
