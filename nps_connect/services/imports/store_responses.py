"""History: answers from another tool stand in the ledger like our own, but lead to nothing by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import InvitationRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_for, insert_many
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rendering.languages import choose_language
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.contacts.contact_batch import ContactRef, StoredContact, upsert_contacts
from nps_connect.services.contacts.lookup import find_contacts
from nps_connect.services.context import Context
from nps_connect.services.imports.people import erased_fingerprints, retry_lookup
from nps_connect.services.imports.response_rows import ImportedResponse

CONTACT_LOOKUP_BATCH = 100
"""People who are asked for at once."""

IMPORT_TRIGGER_PREFIX = "import:"
"""How the trigger of an imported invitation is called, with the answer's id behind it."""


@dataclass(frozen=True)
class ResponseImport:
    """Where answers from a file belong.

    Attributes:
        survey: which survey they answer.
        connection: which knows the people.
        looks_up: the connection is asked for them; whom it does not know is kept under the survey's channel.
    """

    survey: str
    connection: str
    lookup_enabled: bool


@dataclass
class ImportTotals:
    """What became of the answers of a file.

    Attributes:
        counts: `new` were taken, `known` had been before; of the new ones, `strangers` are of people whom the
            connection does not know, `silenced` lost a comment that is older than comments are kept, and `resting` are
            so recent that the person is not asked again before the cooldown is over.
    """

    counts: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, int]:
        """By name."""
        return {name: self.counts[name] for name in ("new", "known", "strangers", "silenced", "resting")}


def store_responses(
    ctx: Context, history: ResponseImport, answers: Sequence[ImportedResponse], stored: ImportTotals, faults: RowErrors
) -> None:
    """Take in a batch of answers, in one transaction; those that are there already are left as they are.

    Raises:
        DeliveryError: the connection cannot tell who the people are.
    """
    with ctx.ledger.read() as session:
        known = load_existing_ids(session, answers)
        erased = erased_fingerprints(session, [answer.person for answer in answers])
    fresh = [answer for answer in answers if answer.public_id not in known]
    stored.counts["known"] += len(answers) - len(fresh)
    for answer in fresh:
        if answer.person.fingerprint in erased:
            faults.note(RowError(answer.line, "erased", "this person was erased: nothing of them is stored again"))
    fresh = [answer for answer in fresh if answer.person.fingerprint not in erased]
    people = _match_contacts(ctx, history, fresh, faults)
    fresh = [answer for answer in fresh if answer.public_id in people]
    if not fresh:
        return
    with ctx.ledger.write() as session:
        contacts = upsert_contacts(session, people.values(), ctx.clock())
        rows = [(answer, contacts[_contact_ref(people[answer.public_id])]) for answer in fresh]
        _insert_responses(ctx, session, history, rows, stored)
    stored.counts["new"] += len(fresh)
    channel = ctx.settings.surveys[history.survey].channel
    if history.lookup_enabled:
        stored.counts["strangers"] += sum(people[answer.public_id].connection == channel for answer in fresh)


def load_existing_ids(session: Session, answers: Sequence[ImportedResponse]) -> set[str]:
    """The public ids of those that were taken before."""
    query = select(col(ResponseRow.public_id)).where(in_list(col(ResponseRow.public_id), "ids"))
    return set(session.execute(query, {"ids": [answer.public_id for answer in answers]}).scalars())


def _contact_ref(contact: Contact) -> ContactRef:
    return contact.connection, contact.id


def _match_contacts(
    ctx: Context, history: ResponseImport, answers: Sequence[ImportedResponse], faults: RowErrors
) -> dict[str, Contact]:
    """Who gave each answer, by its public id; answers of somebody who may be several people are noted and left out."""
    if not history.lookup_enabled:
        return {answer.public_id: answer.person.as_contact(history.connection) for answer in answers}
    channel = ctx.settings.surveys[history.survey].channel
    matches = _look_up_contacts(ctx, history.connection, list(dict.fromkeys(answer.person.key for answer in answers)))
    people = {}
    for answer in answers:
        found = matches[answer.person.key]
        if len(found) > 1:
            several = f"{history.connection} knows several people with this address"
            faults.note(RowError(answer.line, "several_contacts", several))
        elif not found and answer.person.email is None:
            faults.note(RowError(answer.line, "no_contact", f"{history.connection} does not know this person"))
        else:
            people[answer.public_id] = found[0] if found else answer.person.as_contact(channel)
    return people


def _look_up_contacts(
    ctx: Context, connection: str, keys: Sequence[ContactKey]
) -> dict[ContactKey, tuple[Contact, ...]]:
    found = {}
    for begin in range(0, len(keys), CONTACT_LOOKUP_BATCH):
        some = keys[begin : begin + CONTACT_LOOKUP_BATCH]
        for match in retry_lookup(ctx, connection, lambda some=some: find_contacts(ctx, connection, some)):  # type: ignore[misc]
            found[match.key] = match.contacts
    return found


def _insert_responses(
    ctx: Context,
    session: Session,
    history: ResponseImport,
    rows: Sequence[tuple[ImportedResponse, StoredContact]],
    stored: ImportTotals,
) -> None:
    invitations = [_invitation_values(ctx, history, answer, contact) for answer, contact in rows]
    added = insert_many(session, InvitationRow, invitations, returning=("id", "trigger"))
    invited = {trigger: one for one, trigger in added}
    oldest = ctx.clock() - ctx.settings.retention.comments
    responses = []
    for (answer, contact), invitation in zip(rows, invitations, strict=True):
        kept = answer.answered_at >= oldest
        stored.counts["silenced"] += answer.comment is not None and not kept
        responses.append(
            {
                "public_id": answer.public_id,
                "invitation_id": invited[invitation["trigger"]],
                "contact_id": contact.id,
                "survey": history.survey,
                "touchpoint": invitation["touchpoint"],
                "scale": NPS_SCALE,
                "revision": 1,
                "score": answer.score,
                "comment": answer.comment if kept else None,
                "language": invitation["language"],
                "do_not_contact": False,
                "follow_up": [],
                "answered_at": answer.answered_at,
            }
        )
    ids = dict(tuple(row) for row in insert_many(session, ResponseRow, responses, returning=("public_id", "id")))
    insert_many(session, RevisionRow, [_revision_values(one, ids[one["public_id"]]) for one in responses])
    for (answer, contact), invitation in zip(rows, invitations, strict=True):
        until = answer.answered_at + ctx.settings.limits.cooldown
        if until > ctx.clock():
            stored.counts["resting"] += 1
            _start_cooldown(session, contact, until, invited[invitation["trigger"]], ctx.clock())


def _invitation_values(
    ctx: Context, history: ResponseImport, answer: ImportedResponse, contact: StoredContact
) -> dict[str, Any]:
    survey = ctx.settings.surveys[history.survey]
    language = answer.person.language or contact.language
    return {
        "survey": history.survey,
        "touchpoint": answer.touchpoint or survey.touchpoint or history.survey,
        "trigger": f"{IMPORT_TRIGGER_PREFIX}{answer.public_id}",
        "contact_id": contact.id,
        "language": choose_language([language, survey.language], ctx.settings.core.languages),
        "state": "imported",
        "created_at": answer.answered_at,
        "due_at": answer.answered_at,
        "sent_at": answer.answered_at,
        "expires_at": answer.answered_at,
    }


def _revision_values(response: Mapping[str, Any], response_id: int) -> dict[str, Any]:
    names = ("revision", "score", "comment", "language", "do_not_contact", "follow_up")
    taken = {name: response[name] for name in names}
    return {**taken, "response_id": response_id, "is_final": True, "at": response["answered_at"]}


def _start_cooldown(
    session: Session, contact: StoredContact, until: datetime, invitation_id: int, now: datetime
) -> None:
    """Whoever another tool has asked just now is not asked again at once; a running cooldown is left alone."""
    for subject in contact_subjects(contact.id, contact.mailbox):
        row = {"subject": subject, "until": until, "invitation_id": invitation_id, "confirmed": True}
        statement = insert_for(session, CooldownRow).values(**row)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["subject"],
                set_={"until": until, "invitation_id": invitation_id, "confirmed": True},
                where=col(CooldownRow.until) <= now,
            )
        )
