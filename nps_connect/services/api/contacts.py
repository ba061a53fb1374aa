"""Contacts by the API: of sources whose plugin cannot look people up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlmodel import Session

from nps_connect.ledger.audit_log import record_audit
from nps_connect.ledger.subjects import person_subject
from nps_connect.records.api_requests import ContactRequest
from nps_connect.records.api_results import ApiProblem, ApiResult, ContactReference, ContactResult, invalid
from nps_connect.records.contacts import Contact
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import check_address, require_connection
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.contacts.known_contacts import load_known_contacts
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints

ERASED = "this person was erased: nothing of them is stored again"


class ContactChange(NamedTuple):
    """The fields of a contact that a request names."""

    connection: str
    id: str
    values: dict[str, Any]


def _prepare(ctx: Context, request: ContactRequest) -> ContactChange:
    require_connection(ctx, request.connection)
    if ctx.has(request.connection, "nps_find_contacts"):
        raise invalid("connection", "its contacts are looked up at the vendor: change them there")
    values = {name: getattr(request, name) for name in request.model_fields_set - {"connection", "id"}}
    if "email" in values:
        values["email"] = check_address("email", values["email"])
    if request.timezone is not None and not _is_zone(request.timezone):
        raise invalid("timezone", "not an IANA time zone such as Europe/Paris")
    return ContactChange(request.connection, request.id, values)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a directory
        return False
    return True


def _store(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], _queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    changes: list[ContactChange] = [write.prepared for write in writes]
    stored_contacts = load_known_contacts(session, [(change.connection, change.id) for change in changes])
    people = [
        ImportedPerson(0, change.values["email"], change.id, None, None)
        for change in changes
        if change.values.get("email")
    ]
    erased = erased_fingerprints(ctx, session, people)
    current: dict[tuple[str, str], Contact] = {}
    results: list[ApiResult | ApiProblem] = []
    for write, change in zip(writes, changes, strict=True):
        ref = change.connection, change.id
        row = stored_contacts.get(ref)
        email = change.values.get("email")
        if (row is not None and row.erased_at is not None) or (
            email and ImportedPerson(0, email, None, None, None).fingerprint in erased
        ):
            results.append(ApiProblem(409, "person-erased", ERASED))
            continue
        stored = current.get(ref) or (build_contact(row) if row is not None else None)
        values = {"connection": change.connection, "id": change.id} | change.values
        current[ref] = Contact.model_validate({**(stored.model_dump() if stored else {}), **values, "deleted": False})
        contact = upsert_contacts(session, [current[ref]], ctx.clock())[ref]
        record_audit(session, write.actor, "contacts write", person_subject(contact.id), now=ctx.clock())
        is_new = row is None and stored is None
        body = ContactResult(contact=ContactReference(connection=change.connection, id=change.id), new=is_new)
        results.append(ApiResult(201 if is_new else 200, body.model_dump(mode="json")))
    return results


CONTACT_HANDLER = WriteHandler(_prepare, _store)
