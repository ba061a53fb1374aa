"""Rows of the demo's history up to the survey: contacts, events, decisions, invitations, page views, bounces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import (
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
)
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.events import Event, fact_key
from nps_connect.sandbox.demo_purchases import DemoPurchase
from nps_connect.sandbox.demo_rows import DemoHistory, answered_at, sent_at
from nps_connect.services.deliveries.factory import NewDelivery, delivery_key, enqueue_deliveries

ANSWERABLE_FOR = timedelta(days=60)


def insert_contacts(history: DemoHistory, purchases: Sequence[DemoPurchase]) -> None:
    """Store the customers, each once."""
    rows: dict[str, dict[str, Any]] = {}
    for purchase in purchases:
        vendor_id = purchase.email.partition("@")[0]
        contact = Contact(
            connection=history.names.crm,
            id=vendor_id,
            email=purchase.email,
            name=purchase.name,
            language=purchase.language,
            opted_out=purchase.outcome == "opted_out",
            fields={"shop": purchase.shop, "owner": purchase.adviser, "phone": purchase.phone},
        )
        rows.setdefault(
            vendor_id,
            {
                "connection": contact.connection,
                "vendor_id": vendor_id,
                "email": contact.email,
                "mailbox": mailbox_hash(purchase.email),
                "name": contact.name,
                "language": contact.language,
                "opted_out": contact.opted_out,
                "created_at": purchase.bought_at,
                "record": contact.model_dump(mode="json"),
            },
        )
    stored = history.insert(ContactRow, list(rows.values()), "email", "id")
    history.contacts.update(tuple(row) for row in stored)


def insert_events(history: DemoHistory, purchases: Sequence[DemoPurchase]) -> None:
    """Store the events, and the decision on each."""
    names = history.names
    numbers, rows = {}, []
    for purchase in purchases:
        key = fact_key(names.event_kind, f"demo-{purchase.number}", purchase.bought_at)
        numbers[key] = purchase.number
        event = Event(
            key=key,
            kind=names.event_kind,
            object_id=f"demo-{purchase.number}",
            occurred_at=purchase.bought_at,
            contact_key=ContactKey(kind="email", value=purchase.email),
            fields={"shop": purchase.shop, "owner": purchase.adviser, "product": purchase.product},
        )
        rows.append(
            {
                "connection": names.crm,
                "key": key,
                "kind": event.kind,
                "object_id": event.object_id,
                "occurred_at": event.occurred_at,
                "received_at": event.occurred_at,
                "source": "webhook",
                "contact_id": history.contacts[purchase.email],
                "record": event.model_dump(mode="json"),
                "queue_name": decide_queue(names.crm),
                "state": "succeeded",
                "due_at": event.occurred_at,
            }
        )
    history.events.update({numbers[key]: row_id for key, row_id in history.insert(EventRow, rows, "key", "id")})
    history.insert(DecisionRow, [_decision(history, item) for item in purchases if item.outcome != "imported"])


def _decision(history: DemoHistory, purchase: DemoPurchase) -> dict[str, Any]:
    verdicts = {
        "in_cooldown": ("no", "cooldown", "asked less than 90 days ago"),
        "opted_out": ("no", "opted_out", "opted out in the CRM"),
    }
    verdict, reason, detail = verdicts.get(purchase.outcome, ("yes", "surveyed", "all conditions are met"))
    names = history.names
    return {
        "event_id": history.events[purchase.number],
        "trigger": f"{names.crm}:{names.event_kind}:{names.survey}",
        "survey": names.survey,
        "contact_id": history.contacts[purchase.email],
        "verdict": verdict,
        "reason": reason,
        "detail": detail,
        "decided_at": purchase.bought_at,
    }


def insert_invitations(history: DemoHistory, purchases: Sequence[DemoPurchase]) -> None:
    """Store the invitations, and the deliveries of their mails."""
    names = history.names
    numbers = {history.public_id("invitation", purchase): purchase.number for purchase in purchases}
    rows = [
        {
            "public_id": history.public_id("invitation", purchase),
            "survey": names.survey,
            "touchpoint": names.touchpoint,
            "trigger": f"{names.crm}:{names.event_kind}:{names.survey}",
            "contact_id": history.contacts[purchase.email],
            "event_id": history.events[purchase.number],
            "language": purchase.language,
            "state": "imported" if purchase.outcome == "imported" else "sent",
            "created_at": purchase.bought_at,
            "due_at": sent_at(purchase),
            "sent_at": sent_at(purchase),
            "expires_at": sent_at(purchase) + ANSWERABLE_FOR,
            "mailbox": mailbox_hash(purchase.email),
        }
        for purchase in purchases
    ]
    stored = history.insert(InvitationRow, rows, "public_id", "id")
    history.invitations.update({numbers[public_id]: row_id for public_id, row_id in stored})
    mails = [purchase for purchase in purchases if purchase.outcome != "imported"]
    enqueue_deliveries(history.session, [_survey_mail(history, purchase) for purchase in mails], history.now)


def _survey_mail(history: DemoHistory, purchase: DemoPurchase) -> NewDelivery:
    return NewDelivery(
        connection=history.names.mail,
        action="send_survey",
        subject=history.public_id("invitation", purchase),
        due_at=sent_at(purchase),
        contact_id=history.contacts[purchase.email],
        invitation_id=history.invitations[purchase.number],
    )


def insert_page_views(history: DemoHistory, purchases: Sequence[DemoPurchase]) -> None:
    """Store the visits of survey pages."""
    opened = [purchase for purchase in purchases if purchase.outcome in ("viewed", "provisional", "answered")]
    history.insert(
        PageViewRow,
        [
            {
                "purpose": "survey",
                "invitation_id": history.invitations[purchase.number],
                "method": "GET",
                "at": answered_at(purchase),
                "agent": "Mozilla/5.0",
                "score": purchase.score if purchase.outcome == "provisional" else None,
            }
            for purchase in opened
        ],
    )


def insert_bounces(history: DemoHistory, bounced: Sequence[DemoPurchase]) -> None:
    """Store the mails that came back, and suppress the mailboxes."""
    keys = {
        delivery_key(
            action="send_survey",
            subject=history.public_id("invitation", purchase),
            revision=None,
            route=history.names.mail,
        ): purchase
        for purchase in bounced
    }
    query = select(col(DeliveryRow.key), col(DeliveryRow.id)).where(col(DeliveryRow.key).in_(keys))
    bounces = [
        {
            "key": history.public_id("bounce", keys[key]),
            "kind": "hard",
            "mailbox": mailbox_hash(keys[key].email),
            "contact_id": history.contacts[keys[key].email],
            "delivery_id": delivery_id,
            "concerns_mailbox": True,
            "status": "5.1.1",
            "detail": "mailbox unknown",
            "source": "mailbox",
            "at": sent_at(keys[key]) + timedelta(minutes=1),
        }
        for key, delivery_id in history.session.execute(query).all()
    ]
    history.insert(BounceRow, bounces)
    names = ("subject", "reason", "source", "created_at")
    suppressions = {
        bounce["mailbox"]: (mailbox_subject(bounce["mailbox"]), "bounced", "bounce (mailbox)", bounce["at"])
        for bounce in bounces
    }
    history.insert(SuppressionRow, [dict(zip(names, values, strict=True)) for values in suppressions.values()])
