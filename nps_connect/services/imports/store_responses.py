"""Store responses from another tool like our own; they lead to no action by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.daily_figures import add_to_figures, response_figure
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import InvitationRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.rendering.catalogs import choose_language
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.contacts.contact_batch import ContactRef, StoredContact, find_contacts, upsert_contacts
from nps_connect.services.context import Context
from nps_connect.services.imports.import_file import iter_batches
from nps_connect.services.imports.people import erased_fingerprints, retry_lookup
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.invitations.invite import start_cooldowns

CONTACT_LOOKUP_BATCH = 100
"""People per look-up."""

IMPORT_TRIGGER_PREFIX = "import:"
"""Prefix of the trigger name of an imported invitation; the public id of the response follows."""

ERASED_DETAIL = "this person was erased: nothing of them is stored again"

TOTALS = ("new", "already_imported", "unmatched", "comments_dropped", "in_cooldown")
"""Counted responses. Of the new ones, `unmatched` belong to people whom the connection does not know,
`comments_dropped` had a comment older than the retention period, and `in_cooldown` are so recent that they start a
cooldown."""


@dataclass(frozen=True)
class ResponseImport:
    """Where the responses of a file belong.

    Attributes:
        survey: the survey that they answer.
        connection: the connection that knows the people.
        lookup_enabled: people are looked up there; unknown ones are stored under the channel of the survey.
    """

    survey: str
    connection: str
    lookup_enabled: bool


def store_responses(
    ctx: Context,
    target: ResponseImport,
    responses: Sequence[ImportedResponse],
    totals: Counter[str],
    errors: RowErrors,
) -> None:
    """Store a batch of responses in one transaction; stored ones are left unchanged.

    Raises:
        DeliveryError: the connection cannot look the people up.
    """
    with ctx.ledger.read() as session:
        existing_ids = load_existing_ids(session, responses)
        erased = erased_fingerprints(ctx, session, [response.person for response in responses])
    new_responses = [response for response in responses if response.public_id not in existing_ids]
    totals["already_imported"] += len(responses) - len(new_responses)
    for response in new_responses:
        if response.person.fingerprint in erased:
            errors.record(RowError(response.line, "erased", ERASED_DETAIL))
    remaining = [response for response in new_responses if response.person.fingerprint not in erased]
    people = _match_contacts(ctx, target, remaining, errors)
    matched = [response for response in remaining if response.public_id in people]
    if not matched:
        return
    with ctx.ledger.write() as session:
        contacts = upsert_contacts(session, people.values(), ctx.clock())
        rows: list[tuple[ImportedResponse, StoredContact]] = []
        for response in matched:
            contact = contacts[_contact_ref(people[response.public_id])]
            if contact.erased:
                errors.record(RowError(response.line, "erased", ERASED_DETAIL))
            else:
                rows.append((response, contact))
        insert_responses(ctx, session, target, rows, totals)
    totals["new"] += len(rows)
    channel = ctx.settings.surveys[target.survey].channel
    if target.lookup_enabled:
        totals["unmatched"] += sum(people[response.public_id].connection == channel for response, _ in rows)


def load_existing_ids(session: Session, responses: Sequence[ImportedResponse]) -> set[str]:
    """Public ids of the responses that are stored already."""
    query = select(col(ResponseRow.public_id)).where(in_list(col(ResponseRow.public_id), "ids"))
    return set(session.execute(query, {"ids": [response.public_id for response in responses]}).scalars())


def _contact_ref(contact: Contact) -> ContactRef:
    return contact.connection, contact.id


def _match_contacts(
    ctx: Context, target: ResponseImport, responses: Sequence[ImportedResponse], errors: RowErrors
) -> dict[str, Contact]:
    """The contact of each response by public id; responses that may belong to several contacts are refused."""
    if not target.lookup_enabled:
        return {response.public_id: response.person.as_contact(target.connection) for response in responses}
    channel = ctx.settings.surveys[target.survey].channel
    keys = list(dict.fromkeys(response.person.key for response in responses))
    contacts_by_key = _look_up_contacts(ctx, target.connection, keys)
    people = {}
    for response in responses:
        contacts = contacts_by_key[response.person.key]
        if len(contacts) > 1:
            detail = f"{target.connection} knows several people with this address"
            errors.record(RowError(response.line, "several_contacts", detail))
        elif not contacts and response.person.email is None:
            errors.record(RowError(response.line, "no_contact", f"{target.connection} does not know this person"))
        else:
            people[response.public_id] = contacts[0] if contacts else response.person.as_contact(channel)
    return people


def _look_up_contacts(
    ctx: Context, connection: str, keys: Sequence[ContactKey]
) -> dict[ContactKey, tuple[Contact, ...]]:
    contacts = {}
    for batch in iter_batches(keys, CONTACT_LOOKUP_BATCH):
        for match in retry_lookup(ctx, connection, partial(find_contacts, ctx, connection, batch)):
            contacts[match.key] = match.contacts
    return contacts


def insert_responses(
    ctx: Context,
    session: Session,
    target: ResponseImport,
    rows: Sequence[tuple[ImportedResponse, StoredContact]],
    totals: Counter[str],
) -> None:
    """Store responses with an invitation that was answered elsewhere, and start their cooldowns; count them."""
    invitations = [_invitation_values(ctx, target, response, contact) for response, contact in rows]
    inserted = insert_many(session, InvitationRow, invitations, returning=("id", "trigger"))
    invitation_ids = {trigger: invitation_id for invitation_id, trigger in inserted}
    oldest_comment_at = ctx.clock() - ctx.settings.retention.comments
    responses = []
    for (response, _), invitation in zip(rows, invitations, strict=True):
        keeps_comment = response.answered_at >= oldest_comment_at
        totals["comments_dropped"] += response.comment is not None and not keeps_comment
        comment = response.comment if keeps_comment else None
        responses.append(_response_values(response, invitation, invitation_ids[invitation["trigger"]], comment))
    ids = dict(tuple(row) for row in insert_many(session, ResponseRow, responses, returning=("public_id", "id")))
    insert_many(session, RevisionRow, [_revision_values(values, ids[values["public_id"]]) for values in responses])
    totals["in_cooldown"] += _start_cooldowns(ctx, session, rows, responses)
    zone, names = ctx.settings.core.zone, ("answered_at", "survey", "touchpoint", "score")
    add_to_figures(session, Counter(response_figure(zone, *(values[name] for name in names)) for values in responses))


def _invitation_values(
    ctx: Context, target: ResponseImport, response: ImportedResponse, contact: StoredContact
) -> dict[str, Any]:
    survey = ctx.settings.surveys[target.survey]
    language = response.person.language or contact.language
    return {
        "public_id": ctx.new_public_id(),
        "survey": target.survey,
        "touchpoint": response.touchpoint or survey.touchpoint or target.survey,
        "trigger": f"{IMPORT_TRIGGER_PREFIX}{response.public_id}",
        "contact_id": contact.id,
        "language": choose_language([language, survey.language], ctx.settings.core.languages),
        "state": "imported",
        "created_at": response.answered_at,
        "due_at": response.answered_at,
        "sent_at": response.answered_at,
        "expires_at": response.answered_at,
    }


def _response_values(
    response: ImportedResponse, invitation: Mapping[str, Any], invitation_id: int, comment: str | None
) -> dict[str, Any]:
    return {
        "public_id": response.public_id,
        "invitation_id": invitation_id,
        "contact_id": invitation["contact_id"],
        "survey": invitation["survey"],
        "touchpoint": invitation["touchpoint"],
        "scale": NPS_SCALE,
        "revision": 1,
        "score": response.score,
        "comment": comment,
        "language": invitation["language"],
        "do_not_contact": response.do_not_contact,
        "follow_up": [],
        "answered_at": response.answered_at,
        "collected_by": response.collected_by,
    }


def _revision_values(response: Mapping[str, Any], response_id: int) -> dict[str, Any]:
    names = ("revision", "score", "comment", "language", "do_not_contact", "follow_up")
    copied = {name: response[name] for name in names}
    return {**copied, "response_id": response_id, "is_final": True, "at": response["answered_at"]}


def _start_cooldowns(
    ctx: Context,
    session: Session,
    rows: Sequence[tuple[ImportedResponse, StoredContact]],
    responses: Sequence[Mapping[str, Any]],
) -> int:
    """Start the cooldown of recent responses, unless one is running; return the number of recent responses."""
    now, recent = ctx.clock(), 0
    cooldowns: dict[str, dict[str, Any]] = {}
    for (response, contact), values in zip(rows, responses, strict=True):
        until = response.answered_at + ctx.settings.limits.cooldown
        if until <= now:
            continue
        recent += 1
        for subject in contact_subjects(contact.id, contact.mailbox):
            row = {"until": until, "invitation_id": values["invitation_id"]}
            cooldowns.setdefault(subject, {"subject": subject, **row})
    start_cooldowns(session, [cooldowns[subject] for subject in sorted(cooldowns)], now)
    return recent
