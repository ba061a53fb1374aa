"""Events at the portal as webhook entries, and webhooks formed and signed like HubSpot's."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nps_connect import FieldValue, VendorWebhook
from nps_connect_hubspot.simulated.portal import CONTACT, DEAL, STAGE_PROPERTIES, TICKET, Portal, Record
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

OBJECT_KINDS = {"deal": DEAL, "ticket": TICKET, "contact": CONTACT}
DEAL_TO_CONTACT_TYPE_ID, TICKET_TO_CONTACT_TYPE_ID = 3, 16


@dataclass
class EventLog:
    """Events by the id of the fact.

    Attributes:
        portal: where they happened.
        won_stages, closed_ticket_stages: the stages that mean "won" and "closed" to the connected product.
        sent: how often each event has been sent.
    """

    portal: Portal
    won_stages: tuple[str, ...] = ("closedwon",)
    closed_ticket_stages: tuple[str, ...] = ("4",)
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

    def simulate_event(
        self, kind: str, contact: Record, now: datetime, fields: Mapping[str, FieldValue] | None = None
    ) -> list[str]:
        """Simulate an event of a contact; returns its ids, none for an unknown kind or a stage that does not exist."""
        values = self.portal.known_values(OBJECT_KINDS.get(kind.partition(".")[0], CONTACT), fields or {})
        missing = {name for name, value in (fields or {}).items() if value is None}
        if kind in ("deal.won", "deal.stage_entered"):
            return self._deal_enters_stage(contact, now, values, missing)
        if kind == "ticket.closed":
            return self._ticket_closed(contact, now, values)
        if kind == "contact.property_changed":
            return self._property_changed(contact, now, values, fields or {})
        contact.set(values, now)
        if kind == "contact.created":
            return [self.record_event("contact.creation", contact.id, contact.created, changeFlag="CREATED")]
        if kind in ("contact.deleted", "contact.privacy_deleted"):
            return self._deleted(kind, contact, now)
        return []

    def _deal_enters_stage(
        self, contact: Record, now: datetime, values: Mapping[str, str], missing: Collection[str]
    ) -> list[str]:
        number = len(self.portal.records[DEAL]) + 1
        defaults = {"dealname": f"Order {number}", "amount": str(100 + 25 * number), "pipeline": "default"}
        defaults = {name: value for name, value in defaults.items() if name not in missing}
        stage = values.get("dealstage") or self.portal.existing_stage(DEAL, self.won_stages)
        if stage is None or not self.portal.existing_stage(DEAL, [stage]):
            return []
        deal = self.portal.create(DEAL, {**defaults, **values, "dealstage": "appointmentscheduled"}, now)
        self.portal.link(deal, contact, DEAL_TO_CONTACT_TYPE_ID)
        return [self.enter_stage(deal, stage, now)]

    def enter_stage(self, record: Record, stage: str, now: datetime) -> str:
        """Move a deal or ticket to a stage; returns the id of the event."""
        name, noun = (STAGE_PROPERTIES[record.kind], "deal" if record.kind == DEAL else "ticket")
        record.set({name: stage}, now)
        return self.record_event(f"{noun}.propertyChange", record.id, now, propertyName=name, propertyValue=stage)

    def _ticket_closed(self, contact: Record, now: datetime, values: Mapping[str, str]) -> list[str]:
        stage = values.get("hs_pipeline_stage") or self.portal.existing_stage(TICKET, self.closed_ticket_stages)
        if stage is None or not self.portal.existing_stage(TICKET, [stage]):
            return []
        ticket = self.portal.create(TICKET, {"subject": "A question", **values, "hs_pipeline_stage": "1"}, now)
        self.portal.link(ticket, contact, TICKET_TO_CONTACT_TYPE_ID)
        return [self.enter_stage(ticket, stage, now)]

    def _property_changed(
        self, contact: Record, now: datetime, values: Mapping[str, str], fields: Mapping[str, FieldValue]
    ) -> list[str]:
        name = str(fields.get("property") or "lifecyclestage")
        stage = "lead" if contact.properties.get(name) == "customer" else "customer"
        value = str(fields.get("value") or values.get(name) or stage)
        if not self.portal.known_values(CONTACT, {name: value}):
            return []
        contact.set({**values, name: value}, now)
        return [self.record_event("contact.propertyChange", contact.id, now, propertyName=name, propertyValue=value)]

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
