"""Enqueue webhooks about facts, in the transaction that writes the fact; where nobody subscribes, no row is written.

The body is stored as it was when the fact happened, so that every try sends the same. Callers on hot paths look into
`ctx.webhook_subscribers.by_type` first, and call nothing without a subscriber.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.subjects import mailbox_subject, person_subject, vendor_id_subject
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.base import Record
from nps_connect.records.events import Event
from nps_connect.records.webhooks import (
    CaseData,
    CaseWebhookType,
    DecisionData,
    ErasureData,
    ResponseData,
    SuppressionData,
    WebhookCase,
    WebhookContact,
    WebhookDecision,
    WebhookEvent,
    WebhookResponse,
    WebhookType,
)
from nps_connect.services.action_spec import WEBHOOK_OPTION
from nps_connect.services.contacts.store import RoutableResponse
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

ANNOUNCED_VERDICTS = ("yes", "deferred")
"""Decisions that every subscriber of `decision.made` is told."""

_CASE_MOMENTS: Mapping[CaseWebhookType, str] = {
    "case.opened": "changed_at",
    "case.solved": "solved_at",
    "case.recovered": "recovered_at",
}
"""The column of the case that says when it happened."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """Something that happened, once.

    Attributes:
        subject: identifies it among those of its type, without personal data; the id of the webhook is derived from it.
        at: when it happened.
        data: in the shape of `WEBHOOK_DATA`.
        revision: where each revision of the subject is a fact of its own.
        contact_id, response_id: whom and what it is about; an erasure of the contact cancels the webhook.
    """

    subject: str
    at: datetime
    data: Record
    revision: int | None = None
    contact_id: int | None = None
    response_id: int | None = None


class DecidedEvent(Protocol):
    """An event with its connection and its name in every database."""

    @property
    def connection(self) -> str:
        """Name of the connection that reported it."""

    @property
    def ref(self) -> str:
        """Connection and key."""

    @property
    def event(self) -> Event:
        """The event."""


def enqueue_response_webhooks(ctx: Context, session: Session, responses: Iterable[RoutableResponse]) -> set[str]:
    """Enqueue `response.recorded` for first revisions and `response.changed` for later ones; return the queues.

    A revision that was routed before has its webhook already.
    """
    facts: dict[WebhookType, list[_Fact]] = {"response.recorded": [], "response.changed": []}
    for routable in responses:
        response, contact = routable.response, routable.contact
        webhook_type: WebhookType = "response.recorded" if response.revision == 1 else "response.changed"
        if webhook_type not in ctx.webhook_subscribers.by_type:
            continue
        content = response.model_dump(exclude={"follow_up"}) | {"segment": response.segment}
        data = ResponseData(
            response=WebhookResponse(**content, follow_up=response.follow_up),
            contact=WebhookContact(connection=contact.connection, id=contact.id),
        )
        fact = _Fact(
            subject=response.id,
            revision=response.revision,
            at=response.answered_at,
            data=data,
            contact_id=routable.columns.contact_id,
            response_id=routable.columns.id,
        )
        facts[webhook_type].append(fact)
    queue_names: set[str] = set()
    for webhook_type, of_type in facts.items():
        queue_names |= _enqueue(ctx, session, webhook_type, of_type)
    return queue_names


def enqueue_case_webhooks(
    ctx: Context, session: Session, webhook_type: CaseWebhookType, response_ids: Collection[int | None]
) -> set[str]:
    """Enqueue a webhook for the cases of responses; `case.opened` also for a reopened one. Returns the queues."""
    if not response_ids or webhook_type not in ctx.webhook_subscribers.by_type:
        return set()
    query = (
        select(CaseRow, col(ResponseRow.public_id), col(ContactRow.connection), col(ContactRow.vendor_id))
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
        .where(col(CaseRow.response_id).in_(response_ids))
    )
    facts = []
    for case, public_id, connection, vendor_id in session.execute(query):
        columns = {name: getattr(case, name) for name in WebhookCase.model_fields if name != "response_id"}
        data = CaseData(
            case=WebhookCase(response_id=public_id, **columns),
            contact=WebhookContact(connection=connection, id=vendor_id),
        )
        at = getattr(case, _CASE_MOMENTS[webhook_type]) or case.opened_at
        revision = case.revision if webhook_type == "case.recovered" else case.reopened
        facts.append(_Fact(public_id, at, data, revision, case.contact_id, case.response_id))
    return _enqueue(ctx, session, webhook_type, facts)


def enqueue_decision_webhooks(
    ctx: Context,
    session: Session,
    decided: Iterable[tuple[DecidedEvent, Mapping[str, Any]]],
) -> set[str]:
    """Enqueue `decision.made` for decisions, given as the event and the columns of the decision. Returns the queues."""
    facts: dict[bool, list[_Fact]] = {True: [], False: []}
    for row, decision in decided:
        event, [contact, *others] = row.event, [*row.event.contacts, None, None][:2]
        named = {name: decision[name] for name in WebhookDecision.model_fields}
        data = DecisionData(
            decision=WebhookDecision(**named),
            event=WebhookEvent(
                connection=row.connection, kind=event.kind, object_id=event.object_id, occurred_at=event.occurred_at
            ),
            contact=WebhookContact(connection=contact.connection, id=contact.id) if contact and not others[0] else None,
        )
        fact_names = (row.ref, decision["trigger"], decision["verdict"], str(decision["eligible_at"]))
        subject = hashlib.sha256("\n".join(fact_names).encode("utf-8", "surrogatepass")).hexdigest()
        fact = _Fact(subject, decision["decided_at"], data, contact_id=decision["contact_id"])
        facts[decision["verdict"] in ANNOUNCED_VERDICTS].append(fact)
    queue_names = _enqueue(ctx, session, "decision.made", facts[True])
    only = ctx.webhook_subscribers.all_decisions
    return queue_names | (_enqueue(ctx, session, "decision.made", facts[False], only=only) if only else set())


def enqueue_suppression_webhooks(ctx: Context, session: Session, subjects: Collection[str], reason: str) -> set[str]:
    """Enqueue `contact.suppressed` for the contacts that new suppressions concern now; returns the queues.

    Args:
        ctx: the application context.
        session: the transaction.
        subjects: of contacts and mailboxes that did not have the reason before.
        reason: of the suppressions.
    """
    if not subjects or "contact.suppressed" not in ctx.webhook_subscribers.by_type:
        return set()
    person_prefix, mailbox_prefix = person_subject(0).removesuffix("0"), mailbox_subject("")
    ids = [int(subject.removeprefix(person_prefix)) for subject in subjects if subject.startswith(person_prefix)]
    mailboxes = [subject.removeprefix(mailbox_prefix) for subject in subjects if subject.startswith(mailbox_prefix)]
    query = select(col(ContactRow.id), col(ContactRow.connection), col(ContactRow.vendor_id)).where(
        col(ContactRow.id).in_(ids) | col(ContactRow.mailbox).in_(mailboxes), col(ContactRow.erased_at).is_(None)
    )
    facts = [
        _Fact(
            subject=ctx.new_public_id(),  # a reason that was withdrawn can come again
            at=ctx.clock(),
            data=SuppressionData(contact=WebhookContact(connection=connection, id=vendor_id), reason=reason),
            contact_id=contact_id,
        )
        for contact_id, connection, vendor_id in session.execute(query.order_by(col(ContactRow.id)))
    ]
    return _enqueue(ctx, session, "contact.suppressed", facts)


def enqueue_erasure_webhooks(ctx: Context, session: Session, contacts: Iterable[tuple[str, str]]) -> set[str]:
    """Enqueue `contact.erased` for erased contacts, given as connection and vendor id; returns the queues.

    The deliveries name no contact: those of an erased one are cancelled.
    """
    facts = [
        _Fact(
            subject=vendor_id_subject(connection, vendor_id),
            at=ctx.clock(),
            data=ErasureData(contact=WebhookContact(connection=connection, id=vendor_id)),
        )
        for connection, vendor_id in contacts
    ]
    return _enqueue(ctx, session, "contact.erased", facts)


def _enqueue(
    ctx: Context,
    session: Session,
    webhook_type: WebhookType,
    facts: Sequence[_Fact],
    *,
    only: Collection[str] | None = None,
) -> set[str]:
    """Enqueue a delivery for each fact and subscriber; a fact that was enqueued before has one already."""
    names = ctx.webhook_subscribers.by_type.get(webhook_type, ())
    # what becomes of a person is sent later, as opt-outs are written to the CRM later; the rest is only recorded
    is_recorded_only = ctx.shadow and not webhook_type.startswith("contact.")
    now = ctx.clock()
    deliveries = []
    for fact in facts:
        body = {"type": webhook_type, "timestamp": _json_moment(fact.at), "data": fact.data.model_dump(mode="json")}
        deliveries += [
            NewDelivery(
                connection=name,
                action="send_webhook",
                subject=fact.subject,
                route=f"{name}:{webhook_type}",
                key_revision=fact.revision,
                due_at=now,
                contact_id=fact.contact_id,
                response_id=fact.response_id,
                options={WEBHOOK_OPTION: webhook_type},
                payload=body,
                cancel_code=CancelCode.SHADOW if is_recorded_only else None,
            )
            for name in names
            if only is None or name in only
        ]
    return enqueue_deliveries(session, deliveries, now, skip_existing=True).queue_names if deliveries else set()


def _json_moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
