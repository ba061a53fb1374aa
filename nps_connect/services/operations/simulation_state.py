"""State of a simulation: what was known of people at each moment, in memory; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.subjects import contact_subjects, erased_subject, mailbox_hash, mailbox_subject, person_subject
from nps_connect.ledger.suppressions import UNCONFIRMED, SuppressionRow
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.context import Context
from nps_connect.services.invitations.invite import COUNTED_STATES, build_due_counter

TimedScore = tuple[datetime, int]

_EMPTY_HISTORY = ContactHistory()


class SimulationState:
    """People with their suppressions, responses and cooldowns, as they were at each simulated moment.

    Args:
        ctx: the simulated configuration, and the ledger.
        session: for reading.
        since: start of the simulation; earlier surveys count as stored, later ones are simulated.
        with_history: fill histories of people; without it they are empty.
    """

    def __init__(self, ctx: Context, session: Session, since: datetime, *, with_history: bool = True) -> None:
        self._erasure_keys = ctx.erasure_keys
        self._with_history = with_history
        self._contact_ids: dict[tuple[str, str], int] = {}
        self._merged_ids: dict[int, list[int]] = defaultdict(list)
        self._suppressions = _load_suppressions(session)
        self._responses = _load_responses(session)
        self._surveyed_at: dict[int, list[datetime]] = defaultdict(list)
        zone = ctx.settings.core.zone
        self.limit_state = LimitState(zone, build_due_counter(session, zone, created_before=since))
        mailboxes = self._load_contacts(session)
        self._load_surveys(ctx, session, since, mailboxes)

    def _load_contacts(self, session: Session) -> dict[int, str | None]:
        """Load ids and merges of all contacts; return their hashed mailboxes."""
        mailboxes: dict[int, str | None] = {}
        names = ("id", "connection", "vendor_id", "mailbox", "merged_into")
        for row in session.execute(select(*(getattr(ContactRow, name) for name in names))).all():
            self._contact_ids[row.connection, row.vendor_id] = row.id
            mailboxes[row.id] = row.mailbox
            if row.merged_into is not None:
                self._merged_ids[row.merged_into].append(row.id)
        return mailboxes

    def _load_surveys(self, ctx: Context, session: Session, since: datetime, mailboxes: dict[int, str | None]) -> None:
        """Count surveys from before the simulation and start their cooldowns."""
        cooldown, state = ctx.settings.limits.cooldown, self.limit_state
        earlier = (
            select(
                col(InvitationRow.contact_id),
                func.coalesce(col(InvitationRow.sent_at), col(InvitationRow.due_at)),
                col(InvitationRow.trigger),
                col(InvitationRow.created_at),
            )
            .where(col(InvitationRow.created_at) < since, col(InvitationRow.state).in_(COUNTED_STATES))
            .order_by(col(InvitationRow.created_at))
        )
        for contact_id, due_at, trigger, created_at in session.execute(earlier).all():
            self._surveyed_at[contact_id].append(due_at)
            state.reached.setdefault(trigger, []).append(created_at)
            for subject in contact_subjects(contact_id, mailboxes.get(contact_id)):
                state.cooldown_ends[subject] = max(due_at + cooldown, state.cooldown_ends.get(subject, due_at))

    def load_person(self, event: Event, now: datetime) -> Person | None:
        """What was known at a moment of the one person of an event; None unless there is exactly one contact."""
        if len(event.contacts) != 1:
            return None
        contact = event.contacts[0]
        contact_ids = self._merged_group(self._contact_id(contact))
        subjects = sorted(map(person_subject, contact_ids))
        erased: list[str] = []
        if contact.email:
            mailbox = mailbox_hash(contact.email)
            subjects.append(mailbox_subject(mailbox))
            erased += (erased_subject(key, mailbox) for key in self._erasure_keys)
        entries = [entry for subject in (*subjects, *erased) for entry in self._suppressions.get(subject, ())]
        reason = min((reason for created_at, reason in entries if created_at <= now), default=None)
        history = self._build_history(contact_ids, now) if self._with_history else _EMPTY_HISTORY
        return Person(tuple(subjects), reason, history)

    def record_survey(self, event: Event, due_at: datetime) -> None:
        """Count a survey that the simulated rules decided on as sent when it is due."""
        self._surveyed_at[self._contact_id(event.contacts[0])].append(due_at)

    def _build_history(self, contact_ids: list[int], now: datetime) -> ContactHistory:
        responses = sorted(response for response in self._responses.get(contact_ids[0], ()) if response[0] <= now)
        surveyed = [at for contact_id in contact_ids for at in self._surveyed_at.get(contact_id, ()) if at <= now]
        return ContactHistory(
            last_surveyed_at=max(surveyed, default=None),
            last_score=responses[-1][1] if responses else None,
            last_answered_at=responses[-1][0] if responses else None,
            answers=len(responses),
        )

    def _contact_id(self, contact: Contact) -> int:
        """Id of the stored contact; contacts that are not in the ledger get negative ids."""
        return self._contact_ids.setdefault((contact.connection, contact.id), -len(self._contact_ids) - 1)

    def _merged_group(self, contact_id: int) -> list[int]:
        group = [contact_id]
        for member in group:
            group += [merged_id for merged_id in self._merged_ids.get(member, ()) if merged_id not in group]
        return group


def _load_suppressions(session: Session) -> dict[str, list[tuple[datetime, str]]]:
    """Moment and reason of every suppression, by subject."""
    suppressions: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in session.execute(select(SuppressionRow).where(col(SuppressionRow.reason) != UNCONFIRMED)).scalars():
        suppressions[row.subject].append((row.created_at, row.reason))
    return suppressions


def _load_responses(session: Session) -> dict[int, list[TimedScore]]:
    """Moment and score of every confirmed NPS response, by contact id."""
    query = select(col(ResponseRow.contact_id), col(ResponseRow.answered_at), col(ResponseRow.score)).where(
        col(ResponseRow.revision) > 0, col(ResponseRow.scale) == NPS_SCALE
    )
    responses: dict[int, list[TimedScore]] = defaultdict(list)
    for contact_id, answered_at, score in session.execute(query).all():
        if answered_at is not None and score is not None:
            responses[contact_id].append((answered_at, score))
    return responses
