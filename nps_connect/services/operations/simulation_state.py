"""The world of a simulation: what was known of people at each moment, kept in memory and never written."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.subjects import person_subject as person_subject
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.responses import NPS_SCALE
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.limit_state import LimitState, Person
from nps_connect.services.context import Context
from nps_connect.services.invitations.daily_cap import COUNTED_STATES, build_due_counter

TimedScore = tuple[datetime, int]

_EMPTY_HISTORY = ContactHistory()


class SimulationState:
    """People, their suppressions, answers and cooldowns, as they were at each simulated moment.

    Args:
        ctx: the configuration that is simulated, and the ledger.
        session: for reading.
        since: when the simulation begins; surveys from before count as they are, later ones are simulated.
        past: somebody asks about earlier surveys and answers; without it, histories are empty.
    """

    def __init__(self, ctx: Context, session: Session, since: datetime, *, with_history: bool = True) -> None:
        self._with_history = with_history
        zone, limits = ctx.settings.core.zone, ctx.settings.limits
        self.limit_state = LimitState(zone, build_due_counter(session, zone, created_before=since))
        self._suppressed: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for row in session.execute(select(SuppressionRow)).scalars():
            self._suppressed[row.subject].append((row.created_at, row.reason))
        self._answers: dict[int, list[TimedScore]] = defaultdict(list)
        given = col(ResponseRow.revision) > 0, col(ResponseRow.scale) == NPS_SCALE
        answers = select(col(ResponseRow.contact_id), col(ResponseRow.answered_at), col(ResponseRow.score))
        for contact_id, at, score in session.execute(answers.where(*given)).all():
            if at is not None and score is not None:
                self._answers[contact_id].append((at, score))
        self._surveyed: dict[int, list[datetime]] = defaultdict(list)
        self._ids: dict[tuple[str, str], int] = {}
        self._merged: dict[int, list[int]] = defaultdict(list)
        mailboxes: dict[int, str | None] = {}
        columns = (
            ContactRow.id,
            ContactRow.connection,
            ContactRow.vendor_id,
            ContactRow.mailbox,
            ContactRow.merged_into,
        )
        for one, connection, vendor_id, hashed, into in session.execute(select(*map(col, columns))).all():
            self._ids[connection, vendor_id] = one
            mailboxes[one] = hashed
            if into is not None:
                self._merged[into].append(one)
        earlier = select(
            col(InvitationRow.contact_id),
            func.coalesce(col(InvitationRow.sent_at), col(InvitationRow.due_at)),
            col(InvitationRow.trigger),
            col(InvitationRow.created_at),
        ).where(col(InvitationRow.created_at) < since, col(InvitationRow.state).in_(COUNTED_STATES))
        for contact_id, due, trigger, created_at in session.execute(
            earlier.order_by(col(InvitationRow.created_at))
        ).all():
            self._surveyed[contact_id].append(due)
            self.limit_state.reached.setdefault(trigger, []).append(created_at)
            hashed = mailboxes.get(contact_id)
            for subject in (person_subject(contact_id), *([mailbox_subject(hashed)] if hashed else [])):
                self.limit_state.until[subject] = max(due + limits.cooldown, self.limit_state.until.get(subject, due))

    def person(self, event: Event, now: datetime) -> Person | None:
        """What was known of an event's one person at a moment."""
        if len(event.contacts) != 1:
            return None
        contact = event.contacts[0]
        ids = self._group(self._id(contact))
        subjects = sorted(map(person_subject, ids))
        if contact.email:
            subjects.append(mailbox_subject(mailbox_hash(contact.email)))
        history = self._history(ids, now) if self._with_history else _EMPTY_HISTORY
        return Person(tuple(subjects), self._refusal(subjects, now) if self._suppressed else None, history)

    def _refusal(self, subjects: list[str], now: datetime) -> str | None:
        """Why these must not be written to, as far as it was known at a moment."""
        told = (one for subject in subjects for one in self._suppressed.get(subject, ()))
        return min((reason for at, reason in told if at <= now), default=None)

    def _history(self, ids: list[int], now: datetime) -> ContactHistory:
        answers = sorted(one for one in self._answers.get(ids[0], ()) if one[0] <= now)
        surveyed = [at for one in ids for at in self._surveyed.get(one, ()) if at <= now]
        return ContactHistory(
            last_surveyed_at=max(surveyed, default=None),
            last_score=answers[-1][1] if answers else None,
            last_answered_at=answers[-1][0] if answers else None,
            answers=len(answers),
        )

    def sent(self, event: Event, due: datetime) -> None:
        """A survey that the simulated rules decided on goes out when it is due."""
        self._surveyed[self._id(event.contacts[0])].append(due)

    def _id(self, contact: Contact) -> int:
        """The contact's id; people whom the ledger does not know get one below zero."""
        return self._ids.setdefault((contact.connection, contact.id), -len(self._ids) - 1)

    def _group(self, contact_id: int) -> list[int]:
        found = [contact_id]
        for one in found:
            found += [merged for merged in self._merged.get(one, ()) if merged not in found]
        return found
