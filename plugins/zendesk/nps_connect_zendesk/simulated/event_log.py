"""Events at the simulated account: agents solve tickets, users are deleted; with Zendesk's webhooks for them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nps_connect import FieldValue, VendorWebhook
from nps_connect_zendesk.simulated.account import AGENT_ID, Account, Row, format_time
from nps_connect_zendesk.simulated.event_types import CONDITIONAL_SUBSCRIPTION
from nps_connect_zendesk.simulated.resource_api import SECRET
from nps_connect_zendesk.simulated.ticket_values import set_metrics, ticket_values
from nps_connect_zendesk.webhooks import SIGNATURE, TIMESTAMP, signature

ACCOUNT_ID = 12514403
INVOCATION_NAMESPACE = uuid.UUID("6f1d4d8e-6a10-4c56-9d0f-0d8a5f0f7a11")
TICKET_STATUS = {"ticket.solved": "solved", "ticket.reopened": "open", "ticket.closed": "closed"}
EVENT_TYPES = {
    "ticket.solved": "ticket.status_changed",
    "ticket.reopened": "ticket.status_changed",
    "ticket.closed": "ticket.status_changed",
    "ticket.priority_changed": "ticket.priority_changed",
    "ticket.deleted": "ticket.soft_deleted",
    "contact.deleted": "user.deleted",
    "contact.merged": "user.merged",
}
_PLACEHOLDER = re.compile(r"\{\{ticket\.([\w.]+)\}\}")


@dataclass(frozen=True)
class Fact:
    """An event, with the record as it was then."""

    id: str
    kind: str
    record: Row
    previous: str | None
    at: str


@dataclass
class EventLog:
    """Events of the account, and their webhooks."""

    account: Account
    facts: dict[str, Fact] = field(default_factory=dict)

    def simulate_event(self, kind: str, email: str, fields: Mapping[str, FieldValue] | None = None) -> list[str]:
        """Simulate an event of the person with this address; returns its id, empty if it cannot happen."""
        user = self.account.user_with(email)
        if user is None:
            return []
        if kind in ("contact.deleted", "contact.privacy_deleted"):
            return self._delete_user(user, permanently=kind == "contact.privacy_deleted")
        if kind not in EVENT_TYPES or kind == "contact.merged":
            return []
        ticket = self._ticket_for(kind, user, fields or {})
        if ticket is None:
            return []
        if kind in TICKET_STATUS:
            previous = ticket["status"]
            if kind == "ticket.solved":
                self.account.add_comment(ticket, "We have found and fixed the problem.", public=True)
            self.account.set_status(ticket, TICKET_STATUS[kind])
        elif kind == "ticket.deleted":
            previous, ticket["status"] = ticket["status"], "deleted"
        else:
            previous = ticket["priority"]
            ticket["priority"] = "high" if previous == "urgent" else "urgent"
        set_metrics(ticket, fields or {})
        self.account.touch("tickets", ticket)
        return [self._record(kind, ticket, previous)]

    def _ticket_for(self, kind: str, user: Row, fields: Mapping[str, FieldValue]) -> Row | None:
        statuses = {"ticket.reopened": ("solved",), "ticket.closed": ("solved",)}.get(kind, ("new", "open", "pending"))
        own_tickets = [ticket for ticket in self.account.tickets.values() if ticket["requester_id"] == user["id"]]
        ticket = next((row for row in reversed(own_tickets) if row["status"] in statuses), None)
        if (ticket is None or fields) and kind in (*TICKET_STATUS, "ticket.priority_changed", "ticket.deleted"):
            if not fields and kind in ("ticket.reopened", "ticket.closed"):
                return None
            values = {"subject": "A question about my order", "requester_id": user["id"], "priority": "normal"}
            values |= ticket_values(fields)
            channel = str(fields.get("channel") or "email")
            ticket = self.account.add_ticket(values, channel=channel, created=timedelta(hours=1))
            ticket["status"] = statuses[0]
            self.account.add_comment(ticket, "Where is my order?", public=True, author_id=user["id"])
        return ticket

    def merge_users(self, loser: Row, survivor: Row) -> str:
        """Merge two users; returns the id of the event, whose subject is the loser (not verified)."""
        self.account.merge_users(loser, survivor)
        return self._record("contact.merged", loser, str(survivor["id"]))

    def _delete_user(self, user: Row, *, permanently: bool) -> list[str]:
        self.account.delete_user(user)
        facts = [self._record("contact.deleted", user, None)]
        if permanently:
            self.account.delete_permanently(user)
        return facts

    def _record(self, kind: str, record: Row, previous: str | None) -> str:
        fact_id = str(uuid.uuid5(INVOCATION_NAMESPACE, f"{kind} {record['id']} {len(self.facts)}"))
        self.facts[fact_id] = Fact(fact_id, kind, json.loads(json.dumps(record)), previous, self.account.now())
        return fact_id

    def webhooks(self, fact_ids: list[str], url: str) -> list[VendorWebhook]:
        """Return the webhooks for these events, signed now; a second call resends them with the same id and body."""
        hook = next((row for row in self.account.resources.get("webhooks", []) if row["endpoint"] == url), None)
        return [
            webhook
            for fact in (self.facts[fact_id] for fact_id in fact_ids if fact_id in self.facts)
            for webhook in self._build_webhooks(fact, hook)
        ]

    def _build_webhooks(self, fact: Fact, hook: Row | None) -> list[VendorWebhook]:
        if hook is not None and CONDITIONAL_SUBSCRIPTION in (hook.get("subscriptions") or []):
            bodies = self._trigger_bodies(fact, hook)
        else:
            bodies = [json.dumps(build_envelope(fact)).encode()]
        return [self._sign(fact, hook, body) for body in bodies]

    def _trigger_bodies(self, fact: Fact, hook: Row) -> list[bytes]:
        """Return the bodies of the triggers that fire for the event and call this webhook."""
        bodies = []
        for trigger in self.account.resources.get("triggers", []):
            if trigger["active"] and _matches(trigger["conditions"].get("all") or [], fact):
                texts = [
                    action["value"][1]
                    for action in trigger["actions"]
                    if action["field"] == "notification_webhook" and action["value"][0] == hook["id"]
                ]
                bodies += [self._expand(text, fact.record).encode() for text in texts]
        return bodies

    @staticmethod
    def _expand(text: str, ticket: Row) -> str:
        values = {
            "id": str(ticket["id"]),
            "external_id": ticket.get("external_id") or "",
            "status": str(ticket.get("status", "")).title(),
            "updated_at_with_timestamp": f"{ticket['updated_at'][:16]}Z",  # whole minutes, as in Zendesk's example
            "requester.id": str(ticket.get("requester_id", "")),
            "tags": " ".join(ticket.get("tags") or []),
        }
        return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), ""), text)

    def _sign(self, fact: Fact, hook: Row | None, body: bytes) -> VendorWebhook:
        timestamp = format_time(self.account.clock())
        hook_id = hook["id"] if hook else "01HOOKSANDBOX"
        invocation = uuid.uuid5(INVOCATION_NAMESPACE, f"invocation {fact.id} {hook_id} {len(body)}").hex.upper()[:26]
        if hook is not None:
            self.record_invocation(hook, invocation, "success", 200)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Zendesk Webhook",
            SIGNATURE: signature(hook["_secret"] if hook else SECRET, timestamp, body),
            TIMESTAMP: timestamp,
            "x-zendesk-webhook-id": hook_id,
            "x-zendesk-webhook-invocation-id": invocation,
            "x-zendesk-account-id": str(ACCOUNT_ID),
        }
        return VendorWebhook("POST", headers, body)

    def record_invocation(self, hook: Row, invocation_id: str, status: str, status_code: int | None) -> None:
        """Record a call of a webhook; one that got no answer has no status code (not verified: null or missing)."""
        at = format_time(self.account.clock())
        hook["_invocations"].append(
            {"id": invocation_id, "latest_completed_at": at, "status": status, "status_code": status_code}
        )


def build_envelope(fact: Fact) -> dict[str, Any]:
    """Return the event envelope: statuses in upper case, ids as texts."""
    record = fact.record
    noun = "user" if fact.kind.startswith("contact.") else "ticket"
    detail: dict[str, Any] = {"id": str(record["id"]), "updated_at": record["updated_at"]}
    change: dict[str, Any] = {"meta": {"sequence": {"id": fact.id[:8], "position": 1, "total": 1}}}
    if noun == "ticket":
        names = ("assignee_id", "brand_id", "group_id", "organization_id", "requester_id", "submitter_id")
        detail |= {name: str(record.get(name) or 0) for name in names}
        detail |= {
            "actor_id": str(AGENT_ID),
            "external_id": record.get("external_id") or "",
            "form_id": str(record.get("ticket_form_id") or 0),
            "status": record["status"].upper(),
            "priority": (record.get("priority") or "").upper(),
            "subject": record.get("subject", ""),
            "tags": record.get("tags", []),
            "type": record.get("type"),
            "via": {"channel": record["via"]["channel"]},
            "created_at": record["created_at"],
        }
        current = record["priority"] if fact.kind == "ticket.priority_changed" else record["status"]
        change |= {"current": (current or "").upper(), "previous": (fact.previous or "").upper()}
    else:
        detail |= {"email": record.get("email"), "role": record["role"], "created_at": record["created_at"]}
        change |= {"user": {"id": fact.previous}} if fact.kind == "contact.merged" else {}
    return {
        "type": f"zen:event-type:{EVENT_TYPES[fact.kind]}",
        "account_id": ACCOUNT_ID,
        "id": fact.id,
        "time": fact.at,
        "zendesk_event_version": "2022-11-06" if noun == "ticket" else "2022-06-20",
        "subject": f"zen:{noun}:{record['id']}",
        "detail": detail,
        "event": change,
    }


def _matches(conditions: list[Row], fact: Fact) -> bool:
    order = ["new", "open", "pending", "hold", "solved", "closed"]
    status, is_status_event = fact.record.get("status"), fact.kind in TICKET_STATUS
    for condition in conditions:
        name, operator, value = condition["field"], condition["operator"], condition.get("value")
        holds = {
            ("status", "value"): is_status_event and status == value and fact.previous != value,
            ("status", "value_previous"): is_status_event and fact.previous == value,
            ("status", "less_than"): status in order and value in order and order.index(status) < order.index(value),
            ("priority", "changed"): fact.kind == "ticket.priority_changed",
            ("update_type", "is"): value == "Change",
        }.get((name, operator), False)
        if not holds:
            return False
    return bool(conditions)
