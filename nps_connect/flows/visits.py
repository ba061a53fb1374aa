"""Visits: every opening of a personal link is noted, with the signs of a machine that it shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session, col

from nps_connect.flows.remind import ACTION as REMINDER
from nps_connect.ledger.tables import DeliveryRow, VisitRow
from nps_connect.records.pages import VisitInfo
from nps_connect.rules.machines import SIGNS, TOGETHER, Opening, Sign, read, signs, write

SHARED: frozenset[Sign] = frozenset({"several", "contradiction"})
"""Signs that show on a later opening and tell as much about the earlier ones."""

_EARLIER = (
    col(VisitRow.id),
    col(VisitRow.invitation_id),
    col(VisitRow.method),
    col(VisitRow.at),
    col(VisitRow.score),
    col(VisitRow.signs),
)
_CHANGE = (
    update(VisitRow.__table__)  # type: ignore[attr-defined]
    .where(col(VisitRow.id) == bindparam("which"))
    .values(signs=bindparam("found"))
)


@dataclass
class _Noted:
    """A visit to a survey that is in the ledger (`id`), or is about to be written (`values`)."""

    opening: Opening
    signs: tuple[Sign, ...]
    id: int | None = None
    values: dict[str, Any] | None = None


class VisitBook:
    """The newest visits of some surveys: further ones are judged by those before them, and written together.

    Args:
        session: the transaction; the caller holds the locks of these survey invitations.
        mails: when each survey's mail was handed over, by survey invitation; none = it was not.
        since: when the first of the further visits was.
    """

    def __init__(self, session: Session, mails: dict[int, datetime | None], since: datetime) -> None:
        self._session = session
        self._mails = {number: [] if sent_at is None else [sent_at] for number, sent_at in mails.items()}
        self._seen: dict[int, list[_Noted]] = defaultdict(list)
        self._changed: dict[int, _Noted] = {}
        self._new: list[_Noted] = []
        self.reminded: set[int] = set()
        self._load_reminders(mails)
        self._load_visits(mails, since)

    def _load_reminders(self, numbers: Collection[int]) -> None:
        """When reminders were handed over, and which surveys have one that is still to come."""
        query = select(col(DeliveryRow.invitation_id), col(DeliveryRow.state), col(DeliveryRow.finished_at)).where(
            col(DeliveryRow.invitation_id).in_(numbers),
            col(DeliveryRow.action) == REMINDER,
            col(DeliveryRow.state).in_(("succeeded", "pending", "held")),
        )
        for number, state, finished_at in self._session.execute(query):
            if state != "succeeded":
                self.reminded.add(number)
            elif finished_at is not None:
                self._mails[number].append(finished_at)

    def _load_visits(self, numbers: Collection[int], since: datetime) -> None:
        query = (
            select(*_EARLIER)
            .where(
                col(VisitRow.invitation_id).in_(numbers),
                col(VisitRow.at) >= since - TOGETHER,
                col(VisitRow.score).is_not(None),
            )
            .order_by(col(VisitRow.id))
        )
        for visit_id, number, method, at, score, found in self._session.execute(query):
            self._seen[number].append(_Noted(Opening(method, at, score), read(found), visit_id))

    def note(self, number: int, visit: VisitInfo, score: int | None) -> tuple[Sign, ...]:
        """Note an opening or a press; the signs of a machine that it shows.

        A sign that only several openings together give is written on the earlier ones too.
        """
        opening = Opening(visit.method, visit.at, score)
        earlier = self._seen[number]
        found = signs(opening, [one.opening for one in earlier], self._mails_before(number, visit.at))
        for sign in SHARED.intersection(found):
            for one in earlier:
                if one.opening.score != score and (one.opening.method == "POST") == (visit.method == "POST"):
                    self._mark(one, sign)
        noted = _Noted(opening, found)
        noted.values = {
            "purpose": "survey",
            "invitation_id": number,
            "method": visit.method,
            "at": visit.at,
            "address": visit.address,
            "agent": visit.agent,
            "score": score,
        }
        self._new.append(noted)
        if score is not None:
            earlier.append(noted)
        return found

    def _mails_before(self, number: int, at: datetime) -> list[datetime]:
        """When the mails were handed over that an opening can follow.

        What opens a link before the first of them is a scanner on the mail's way: as fast as can be.
        """
        mails = self._mails[number]
        return mails if mails and mails[0] <= at else [at]

    def _mark(self, one: _Noted, sign: Sign) -> None:
        if sign in one.signs:
            return
        one.signs = tuple(known for known in SIGNS if known in one.signs or known == sign)
        if one.id is not None:
            self._changed[one.id] = one

    def write(self) -> None:
        """Write what was noted."""
        connection = self._session.connection()
        if self._changed:
            connection.execute(
                _CHANGE, [{"which": which, "found": write(one.signs)} for which, one in self._changed.items()]
            )
        if self._new:
            rows = [{**(one.values or {}), "signs": write(one.signs)} for one in self._new]
            connection.execute(insert(VisitRow.__table__), rows)  # type: ignore[attr-defined]
