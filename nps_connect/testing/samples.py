"""Sample people and deliveries. Everybody here is invented."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from nps_connect.records.actions import CaseState
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import (
    Alert,
    CaseOutcome,
    ContactErasure,
    OptOut,
    Payload,
    ReviewInvitation,
    ScoreUpdate,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.messages import Address, Message
from nps_connect.records.responses import Response
from nps_connect.records.webhooks import OutgoingWebhook
from nps_connect.simulation import SimulatedPerson

LEA = SimulatedPerson(email="lea.martin@example.com", name="Léa Martin", language="fr")
OMAR = SimulatedPerson(email="omar.haddad@example.com", name="Omar Haddad", language="en")
INES = SimulatedPerson(email="ines.petit@example.com", name="Inès Petit", language="fr", opted_out=True)
PEOPLE = (LEA, OMAR, INES)

COMMENT = 'Livré en retard 😞 & <b>abîmé</b> "encore" — l\'équipe ne répond pas.'
"""A comment with everything that breaks careless templates: accents, an emoji, markup, quotes."""

AGENT = "Zoë Łukasiewicz-Œuvré 王"
"""Name of an agent, outside of ASCII and Latin-1."""


def build_contact(person: SimulatedPerson, connection: str, contact_id: str = "c-1") -> Contact:
    """Return the person as a contact of a connection."""
    return Contact(connection=connection, id=contact_id, email=person.email, name=person.name, language=person.language)


def build_response(person: SimulatedPerson, *, at: datetime, score: int = 2, comment: str | None = COMMENT) -> Response:
    """Return the person's response."""
    return Response(
        id=f"r-{person.email.partition('@')[0].replace('.', '-')}",
        revision=1,
        survey="after-purchase",
        touchpoint="purchase",
        score=score,
        comment=comment,
        language=person.language,
        answered_at=at,
    )


def build_payload(action: str, contact: Contact, response: Response, *, key: str, ticket_id: str = "") -> Payload:
    """Return the payload of a delivery of this action.

    Args:
        action: any action.
        contact: the person, as the connection knows them.
        response: their response.
        key: the delivery's idempotency key.
        ticket_id: for `update_ticket`.
    """
    if action == "write_score":
        return ScoreUpdate(contact=contact, response=response, idempotency_key=key)
    if action == "write_case_outcome":
        return build_case_outcome(contact, response, key=key)
    if action == "open_ticket":
        return TicketDraft(
            contact=contact,
            response=response,
            idempotency_key=key,
            external_id=f"case-{key}",
            subject="Votre avis",
            body=f"Note : {response.score}\n{response.comment}",
            priority="urgent",
            tags=("nps",),
            deadline=response.answered_at + timedelta(days=1),
        )
    if action == "update_ticket":
        return TicketUpdate(
            contact=contact,
            response=response,
            idempotency_key=key,
            ticket_id=ticket_id,
            body="La note est maintenant 6.",
            priority="normal",
            tags=("nps-changed",),
        )
    if action == "send_alert":
        return Alert(
            contact=contact,
            response=response,
            idempotency_key=key,
            title=f"{contact.name}: {response.score}",
            body=f"{response.comment}",
            link="https://example.com/contacts/1",
        )
    if action == "invite_review":
        return ReviewInvitation(contact=contact, response=response, idempotency_key=key, lead="review")
    if action == "write_opt_out":
        return OptOut(idempotency_key=key, contact=contact, at=response.answered_at)
    if action == "erase_contact":
        return ContactErasure(idempotency_key=key, contact_ids=(contact.id,))
    if action == "send_webhook":
        data = {"contact": {"connection": contact.connection, "id": contact.id}, "reason": "opted_out"}
        return OutgoingWebhook(
            idempotency_key=key, type="contact.suppressed", timestamp=response.answered_at, data=data
        )
    return build_message(contact, key=key, fallback=action in ("send_fallback", "send_case_reminder"))


def build_case_outcome(
    contact: Contact, response: Response, *, key: str, state: CaseState = "solved", revision: int = 2
) -> CaseOutcome:
    """Return the outcome of the case that a response opened: opened with the response, changed an hour later."""
    return CaseOutcome(
        contact=contact,
        response=response,
        idempotency_key=key,
        state=state,
        opened_at=response.answered_at,
        changed_at=response.answered_at + timedelta(hours=1),
        revision=revision,
        handled_by=AGENT,
        deadline=response.answered_at + timedelta(days=1),
        recovered_score=9 if state == "recovered" else None,
        ticket_link="https://example.com/tickets/1",
    )


def build_message(contact: Contact, *, key: str, fallback: bool = False) -> Message:
    """Return a message for a channel."""
    return Message(
        idempotency_key=key,
        message_id=hashlib.sha256(key.encode()).hexdigest()[:40],
        kind="fallback" if fallback else "survey",
        to=Address(email=contact.email or "care@example.com", name=contact.name),
        subject="Votre avis sur votre achat",
        text="De 0 à 10, nous recommanderiez-vous ?",
        html="<p>De 0 à 10, nous recommanderiez-vous ?</p>",
        language=contact.language or "fr",
        unsubscribe_url=None if fallback else "https://nps.example.com/u/token",
        list_id=None if fallback else "after-purchase.surveys.nps.example.com",
    )
