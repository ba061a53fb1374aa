"""Visits: every opening of a personal link is noted, with the signs of a machine that it shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import DeliveryRow, PageViewRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import PageView
from nps_connect.rules.bot_detection import (
    BOT_SIGNALS,
    BotSignal,
    PageVisit,
    detect_signals,
    parse_signals,
    serialize_signals,
)
from nps_connect.services.invitations.reminders import REMINDER_ACTION as REMINDER
from nps_connect.services.responses.invitation_state import LockedInvitation

RETROACTIVE_SIGNALS: frozenset[BotSignal] = frozenset({"several", "contradiction"})
"""Signs that show on a later opening and tell as much about the earlier ones."""

_SELECT_RECENT_VISITS = (
    select(
        PageViewRow.id,
        PageViewRow.invitation_id,
        PageViewRow.method,
        PageViewRow.at,
        PageViewRow.score,
        PageViewRow.bot_signals,
    )  # type: ignore[call-overload]
    .where(
        in_list(col(PageViewRow.invitation_id), "numbers"),
        col(PageViewRow.at) >= bindparam("since", type_=UtcDateTime()),
        col(PageViewRow.score).is_not(None),
    )
    .order_by(col(PageViewRow.id))
)
_SELECT_REMINDERS = select(col(DeliveryRow.invitation_id), col(DeliveryRow.state), col(DeliveryRow.finished_at)).where(
    in_list(col(DeliveryRow.invitation_id), "numbers"),
    col(DeliveryRow.action) == REMINDER,
    col(DeliveryRow.state).in_(("succeeded", "pending", "held")),
)
_UPDATE_SIGNALS = (
    update(PageViewRow.__table__)  # type: ignore[attr-defined]
    .where(col(PageViewRow.id) == bindparam("which"))
    .values(bot_signals=bindparam("found"))
)


@dataclass
class _LoggedVisit:
    """A visit to a survey that is in the ledger (`id`), or is about to be written (`score_values`)."""

    opening: PageVisit
    signs: tuple[BotSignal, ...]
    id: int | None = None
    values: dict[str, Any] | None = None


class VisitLog:
    """The newest visits of some surveys: further ones are judged by those before them, and written together.

    Args:
        session: the transaction; the caller holds the locks of these survey invitations.
        surveys: by survey invitation.
        since: visits before then are not looked at; `TOGETHER` before the first of the further ones.
    """

    def __init__(self, session: Session, surveys: Mapping[int, LockedInvitation], since: datetime) -> None:
        self._session = session
        self._mails: dict[int, list[datetime]] = {
            number: [] if one.invitation.sent_at is None else [one.invitation.sent_at]
            for number, one in surveys.items()
        }
        self._seen: dict[int, list[_LoggedVisit]] = defaultdict(list)
        self._changed: dict[int, _LoggedVisit] = {}
        self._new: list[_LoggedVisit] = []
        self.reminded: set[int] = set()
        self._load_reminders([number for number, one in surveys.items() if one.reminded])
        self._load_visits([number for number, one in surveys.items() if one.opened], since)

    def _load_reminders(self, numbers: Sequence[int]) -> None:
        """When reminders were handed over, and which surveys have one that is still to come."""
        rows: Any = self._session.connection().execute(_SELECT_REMINDERS, {"numbers": numbers}) if numbers else ()
        for number, state, finished_at in rows:
            if state != "succeeded":
                self.reminded.add(number)
            elif finished_at is not None:
                self._mails[number].append(finished_at)

    def _load_visits(self, numbers: Sequence[int], since: datetime) -> None:
        asked = {"numbers": numbers, "since": since}
        rows = self._session.connection().execute(_SELECT_RECENT_VISITS, asked) if numbers else ()
        for visit_id, number, method, at, score, found in rows:
            self._seen[number].append(_LoggedVisit(PageVisit(method, at, score), parse_signals(found), visit_id))

    def note(self, number: int, visit: PageView, score: int | None) -> tuple[BotSignal, ...]:
        """Note an opening or a press; the signs of a machine that it shows.

        A sign that only several openings together give is written on the earlier ones too.
        """
        opening = PageVisit(visit.method, visit.at, score)
        earlier = self._seen[number]
        found = detect_signals(opening, [one.opening for one in earlier], self._mails_before(number, visit.at))
        for sign in RETROACTIVE_SIGNALS.intersection(found):
            for one in earlier:
                if one.opening.score != score and (one.opening.method == "POST") == (visit.method == "POST"):
                    self._mark(one, sign)
        noted = _LoggedVisit(opening, found)
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

    def _mark(self, one: _LoggedVisit, sign: BotSignal) -> None:
        if sign in one.signs:
            return
        one.signs = tuple(known for known in BOT_SIGNALS if known in one.signs or known == sign)
        if one.id is not None:
            self._changed[one.id] = one

    def write(self) -> None:
        """Write what was noted."""
        if self._changed:
            self._session.connection().execute(
                _UPDATE_SIGNALS,
                [{"which": which, "found": serialize_signals(one.signs)} for which, one in self._changed.items()],
            )
        rows = [{**(one.values or {}), "bot_signals": serialize_signals(one.signs)} for one in self._new]
        insert_many(self._session, PageViewRow, rows)
