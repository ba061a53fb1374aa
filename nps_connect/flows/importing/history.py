"""History: answers from another tool stand in the ledger like our own, but lead to nothing by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.context import Context
from nps_connect.flows.deciding.gathering import Key, Known, remember_all
from nps_connect.flows.importing.answers import FileAnswer
from nps_connect.flows.importing.people import erased_mailboxes, patiently
from nps_connect.flows.intake.complete import find
from nps_connect.ledger.many import one_of
from nps_connect.ledger.subjects import subjects_of
from nps_connect.ledger.tables import CooldownRow, InvitationRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_for, insert_many
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rules.importing.faults import Fault, Faults
from nps_connect.wording.languages import choose

LOOKED_UP = 100
"""People who are asked for at once."""

MARK = "import:"
"""How the trigger of an imported invitation is called, with the answer's id behind it."""


@dataclass(frozen=True)
class History:
    """Where answers from a file belong.

    Attributes:
        survey: which survey they answer.
        connection: which knows the people.
        looks_up: the connection is asked for them; whom it does not know is kept under the survey's channel.
    """

    survey: str
    connection: str
    looks_up: bool


@dataclass
class Stored:
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


def store(ctx: Context, history: History, answers: Sequence[FileAnswer], stored: Stored, faults: Faults) -> None:
    """Take in a batch of answers, in one transaction; those that are there already are left as they are.

    Raises:
        DeliveryError: the connection cannot tell who the people are.
    """
    with ctx.ledger.read() as session:
        known = known_answers(session, answers)
        erased = erased_mailboxes(session, [answer.person for answer in answers])
    fresh = [answer for answer in answers if answer.public_id not in known]
    stored.counts["known"] += len(answers) - len(fresh)
    for answer in fresh:
        if answer.person.fingerprint in erased:
            faults.note(Fault(answer.line, "erased", "this person was erased: nothing of them is stored again"))
    fresh = [answer for answer in fresh if answer.person.fingerprint not in erased]
    people = _people(ctx, history, fresh, faults)
    fresh = [answer for answer in fresh if answer.public_id in people]
    if not fresh:
        return
    with ctx.ledger.write() as session:
        contacts = remember_all(session, people.values(), ctx.clock())
        rows = [(answer, contacts[_key(people[answer.public_id])]) for answer in fresh]
        _insert(ctx, session, history, rows, stored)
    stored.counts["new"] += len(fresh)
    channel = ctx.settings.surveys[history.survey].channel
    if history.looks_up:
        stored.counts["strangers"] += sum(people[answer.public_id].connection == channel for answer in fresh)


def known_answers(session: Session, answers: Sequence[FileAnswer]) -> set[str]:
    """The public ids of those that were taken before."""
    query = select(col(ResponseRow.public_id)).where(one_of(col(ResponseRow.public_id), "ids"))
    return set(session.execute(query, {"ids": [answer.public_id for answer in answers]}).scalars())


def _key(contact: Contact) -> Key:
    return contact.connection, contact.id


def _people(ctx: Context, history: History, answers: Sequence[FileAnswer], faults: Faults) -> dict[str, Contact]:
    """Who gave each answer, by its public id; answers of somebody who may be several people are noted and left out."""
    if not history.looks_up:
        return {answer.public_id: answer.person.as_contact(history.connection) for answer in answers}
    channel = ctx.settings.surveys[history.survey].channel
    matches = _look_up(ctx, history.connection, list(dict.fromkeys(answer.person.key for answer in answers)))
    people = {}
    for answer in answers:
        found = matches[answer.person.key]
        if len(found) > 1:
            several = f"{history.connection} knows several people with this address"
            faults.note(Fault(answer.line, "several_contacts", several))
        elif not found and answer.person.email is None:
            faults.note(Fault(answer.line, "no_contact", f"{history.connection} does not know this person"))
        else:
            people[answer.public_id] = found[0] if found else answer.person.as_contact(channel)
    return people


def _look_up(ctx: Context, connection: str, keys: Sequence[ContactKey]) -> dict[ContactKey, tuple[Contact, ...]]:
    found = {}
    for begin in range(0, len(keys), LOOKED_UP):
        some = keys[begin : begin + LOOKED_UP]
        for match in patiently(ctx, connection, lambda some=some: find(ctx, connection, some)):  # type: ignore[misc]
            found[match.key] = match.contacts
    return found


def _insert(
    ctx: Context,
    session: Session,
    history: History,
    rows: Sequence[tuple[FileAnswer, Known]],
    stored: Stored,
) -> None:
    invitations = [_invitation(ctx, history, answer, contact) for answer, contact in rows]
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
    insert_many(session, RevisionRow, [_revision(one, ids[one["public_id"]]) for one in responses])
    for (answer, contact), invitation in zip(rows, invitations, strict=True):
        until = answer.answered_at + ctx.settings.limits.cooldown
        if until > ctx.clock():
            stored.counts["resting"] += 1
            _rest(session, contact, until, invited[invitation["trigger"]], ctx.clock())


def _invitation(ctx: Context, history: History, answer: FileAnswer, contact: Known) -> dict[str, Any]:
    survey = ctx.settings.surveys[history.survey]
    language = answer.person.language or contact.language
    return {
        "survey": history.survey,
        "touchpoint": answer.touchpoint or survey.touchpoint or history.survey,
        "trigger": f"{MARK}{answer.public_id}",
        "contact_id": contact.id,
        "language": choose([language, survey.language], ctx.settings.core.languages),
        "state": "imported",
        "created_at": answer.answered_at,
        "due_at": answer.answered_at,
        "sent_at": answer.answered_at,
        "expires_at": answer.answered_at,
    }


def _revision(response: Mapping[str, Any], response_id: int) -> dict[str, Any]:
    names = ("revision", "score", "comment", "language", "do_not_contact", "follow_up")
    taken = {name: response[name] for name in names}
    return {**taken, "response_id": response_id, "sent": True, "at": response["answered_at"]}


def _rest(session: Session, contact: Known, until: datetime, invitation_id: int, now: datetime) -> None:
    """Whoever another tool has asked just now is not asked again at once; a running cooldown is left alone."""
    for subject in subjects_of(contact.id, contact.mailbox):
        row = {"subject": subject, "until": until, "invitation_id": invitation_id, "confirmed": True}
        statement = insert_for(session, CooldownRow).values(**row)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["subject"],
                set_={"until": until, "invitation_id": invitation_id, "confirmed": True},
                where=col(CooldownRow.until) <= now,
            )
        )
