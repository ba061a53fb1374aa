"""Responses taken elsewhere, by the API: stored as imported ones are, and routed as submitted ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError
from nps_connect.ledger.audit_log import record_audit
from nps_connect.ledger.subjects import person_subject
from nps_connect.ledger.tables import ContactRow, ResponseRow, RevisionRow
from nps_connect.records.api_requests import ResponseRequest
from nps_connect.records.api_results import ApiProblem, ApiResult, ContactReference, ResponseResult, invalid
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import segment_of
from nps_connect.sanitization import one_line, sanitize_comment
from nps_connect.services.api.contacts import ERASED
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import build_person, require_survey, source_connection
from nps_connect.services.contacts.contact_batch import try_find_contacts, upsert_contacts
from nps_connect.services.contacts.known_contacts import load_known_contacts, merge_known_contact
from nps_connect.services.contacts.store import load_responses, merged_contact_ids
from nps_connect.services.context import Context
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints
from nps_connect.services.imports.response_rows import MAX_TOUCHPOINT_LENGTH, ImportedResponse
from nps_connect.services.imports.route_responses import build_routable
from nps_connect.services.imports.store_responses import insert_responses, load_existing_ids
from nps_connect.services.invitations.responses_elsewhere import cancel_after_response
from nps_connect.services.routing.route import route_responses
from nps_connect.services.webhooks.enqueue import enqueue_response_webhooks

MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
VENDOR_RETRY_SECONDS = "60"


class ReceivedResponse(NamedTuple):
    """A response with the contact who gave it.

    Attributes:
        target: where it belongs.
        response: as it is stored.
        contact: from the connection, or as the request describes them.
        is_looked_up: the connection knows the contact.
    """

    target: ImportTarget
    response: ImportedResponse
    contact: Contact
    is_looked_up: bool


def _prepare(ctx: Context, request: ResponseRequest) -> ReceivedResponse:
    require_survey(ctx, request.survey)
    connection = source_connection(ctx, request.connection, request.survey)
    answered_at = request.answered_at or ctx.clock()
    if answered_at > ctx.clock() + MAX_CLOCK_DIFFERENCE:
        raise invalid("answered_at", "lies in the future")
    person = build_person(request.contact)
    target = ImportTarget(request.survey, connection, ctx.has(connection, "nps_find_contacts"))
    response = ImportedResponse(
        public_id=_public_id(ctx, connection, request.external_id),
        person=replace(person, language=request.language or person.language),
        score=request.score,
        comment=sanitize_comment(request.comment),
        answered_at=min(answered_at, ctx.clock()),
        zoneless=False,
        touchpoint=one_line(request.touchpoint, MAX_TOUCHPOINT_LENGTH) if request.touchpoint else None,
        do_not_contact=request.do_not_contact,
        collected_by=request.collected_by,
    )
    contact = _look_up(ctx, connection, person) if target.lookup_enabled else None
    if contact is not None:
        return ReceivedResponse(target, response, contact, is_looked_up=True)
    if target.lookup_enabled and person.email is None:
        raise ApiProblem(404, "contact-unknown", "the connection does not know this person")
    stored_at = ctx.settings.surveys[request.survey].channel if target.lookup_enabled else connection
    return ReceivedResponse(target, response, person.as_contact(stored_at), is_looked_up=False)


def _public_id(ctx: Context, connection: str, external_id: str | None) -> str:
    """Return the id of a response: made from that of the other system, so that it is stored once."""
    if external_id is None:
        return f"e-{ctx.new_public_id()}"
    return f"e-{sha256(f'{connection}:{external_id}'.encode()).hexdigest()[:32]}"


def _look_up(ctx: Context, connection: str, person: ImportedPerson) -> Contact | None:
    """Return the contact as the vendor knows it; None if the vendor knows nobody.

    Raises:
        ApiProblem: the vendor knows several people with this address, or cannot be asked now.
    """
    matches = try_find_contacts(ctx, connection, [person.key])
    if isinstance(matches, DeliveryError):
        headers = {"Retry-After": VENDOR_RETRY_SECONDS}
        raise ApiProblem(503, "vendor-unavailable", "the connection cannot look people up now", headers=headers)
    contacts = matches.get(person.key, ())
    if len(contacts) > 1:
        raise ApiProblem(409, "contact-ambiguous", "the connection knows several people with this address")
    return contacts[0] if contacts else None


def _store(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    return [_store_one(ctx, session, write, queues) for write in writes]


def _store_one(ctx: Context, session: Session, write: PreparedWrite, queues: set[str]) -> ApiResult | ApiProblem:
    received: ReceivedResponse = write.prepared
    response, contact = received.response, received.contact
    if not received.is_looked_up:
        stored_contacts = load_known_contacts(session, [(contact.connection, contact.id)])
        contact = merge_known_contact(contact, stored_contacts)
    if erased_fingerprints(ctx, session, [response.person, *_with_address(contact)]):
        return ApiProblem(409, "person-erased", ERASED)
    is_new = response.public_id not in load_existing_ids(session, [response])
    if not is_new and _differs(session, received):
        detail = f"external_id is that of response {response.public_id}, which has another survey or score"
        return ApiProblem(409, "external-id-used", detail)
    if is_new:
        stored = upsert_contacts(session, [contact], ctx.clock())[contact.connection, contact.id]
        if stored.erased:
            return ApiProblem(409, "person-erased", ERASED)
        insert_responses(ctx, session, received.target, [(response, stored)], Counter())
        queues |= _route(ctx, session, response.public_id)
        record_audit(session, write.actor, "responses write", person_subject(stored.id), now=ctx.clock())
    body = ResponseResult(
        id=response.public_id,
        new=is_new,
        segment=segment_of(response.score),
        contact=ContactReference(connection=contact.connection, id=contact.id),
    )
    return ApiResult(201 if is_new else 200, body.model_dump(mode="json"))


def _differs(session: Session, received: ReceivedResponse) -> bool:
    """Return whether the stored response of the same id has another survey or score."""
    query = select(col(RevisionRow.score), col(ResponseRow.survey)).join(
        ResponseRow, col(ResponseRow.id) == col(RevisionRow.response_id)
    )
    query = query.where(col(ResponseRow.public_id) == received.response.public_id, col(RevisionRow.revision) == 1)
    stored = session.execute(query).first()
    return stored is not None and tuple(stored) != (received.response.score, received.target.survey)


def _with_address(contact: Contact) -> list[ImportedPerson]:
    return [ImportedPerson(0, contact.email, None, None, None)] if contact.email else []


def _route(ctx: Context, session: Session, public_id: str) -> set[str]:
    """Cancel the mail that a response makes needless, and plan its deliveries.

    If the person gave a newer response before this one was recorded, only webhooks are planned.
    """
    query = select(ResponseRow, ContactRow).join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    row, contact = session.execute(query.where(col(ResponseRow.public_id) == public_id)).one()
    cancel_after_response(ctx, session, row, _contact_ids(session, contact))
    routable = [build_routable(row, contact)]
    queues = enqueue_response_webhooks(ctx, session, routable) if ctx.webhook_subscribers.by_type else set()
    newest = load_responses(session, [row.contact_id])[row.contact_id][0]
    return queues | (route_responses(ctx, session, routable, {}) if newest.id == row.id else set())


def _contact_ids(session: Session, contact: ContactRow) -> set[int]:
    """Return the ids of the contacts that are this person: merged ones, and those with the same mailbox."""
    contact_ids = set(merged_contact_ids(session, contact))
    if contact.mailbox is not None:
        same_mailbox = select(col(ContactRow.id)).where(col(ContactRow.mailbox) == contact.mailbox)
        contact_ids |= {contact_id for contact_id in session.execute(same_mailbox).scalars() if contact_id is not None}
    return contact_ids


RESPONSE_HANDLER = WriteHandler(_prepare, _store)
