"""Suppressions by the API: added and removed as `suppressions add` and `suppressions remove` do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, mailbox_subject
from nps_connect.records.api_requests import SuppressionRemoval, SuppressionRequest
from nps_connect.records.api_results import ApiProblem, ApiResult, RemovalResult, SuppressionResult
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import check_address
from nps_connect.services.context import Context
from nps_connect.services.operations.explain import resolve_contacts
from nps_connect.services.suppressions.operator_suppressions import (
    ConsentMissing,
    remove_by_operator,
    suppress_by_operator,
)


class ReferencedPerson(NamedTuple):
    """The person that a request names: an address or a contact; `reason` is for the audit log."""

    reference: str
    reason: str
    has_consent: bool


def _prepare(_ctx: Context, request: SuppressionRequest) -> ReferencedPerson:
    reference = request.contact
    if "@" in reference:
        reference = check_address("contact", reference) or reference
    has_consent = isinstance(request, SuppressionRemoval) and request.has_consent
    return ReferencedPerson(reference, request.reason, has_consent)


def _add(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    results: list[ApiResult | ApiProblem] = []
    for write in writes:
        person: ReferencedPerson = write.prepared
        contacts = resolve_contacts(session, person.reference, list(ctx.connections))
        mailboxes = {row.mailbox for row in contacts if row.mailbox}
        if "@" in person.reference:
            mailboxes.add(mailbox_hash(person.reference))
        if not mailboxes:
            detail = "no contact with an e-mail address matches; give the address itself"
            results.append(ApiProblem(404, "contact-unknown", detail))
            continue
        queues |= suppress_by_operator(ctx, session, mailboxes, write.actor, reason=person.reason)
        body = SuppressionResult(mailboxes=len(mailboxes), contacts=len(contacts))
        results.append(ApiResult(200, body.model_dump(mode="json")))
    return results


def _remove(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], _queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    results: list[ApiResult | ApiProblem] = []
    for write in writes:
        person: ReferencedPerson = write.prepared
        contacts = resolve_contacts(session, person.reference, list(ctx.connections))
        subjects = {subject for row in contacts for subject in contact_subjects(row.id or 0, row.mailbox)}
        if "@" in person.reference:
            subjects.add(mailbox_subject(mailbox_hash(person.reference)))
        try:
            removed = remove_by_operator(
                ctx, session, subjects, write.actor, reason=person.reason, has_consent=person.has_consent
            )
        except ConsentMissing:
            detail = "this person opted out; if they have agreed to get mail again, set has_consent"
            results.append(ApiProblem(409, "consent-missing", detail))
        except NpsConnectError as error:
            results.append(ApiProblem(409, "not-removable", str(error).partition(";")[0]))
        else:
            opted_out = sum(row.opted_out for row in contacts)
            body = RemovalResult(removed=tuple(removed), opted_out_in_crm=opted_out)
            results.append(ApiResult(200, body.model_dump(mode="json")))
    return results


SUPPRESSION_HANDLER = WriteHandler(_prepare, _add)
REMOVAL_HANDLER = WriteHandler(_prepare, _remove)
