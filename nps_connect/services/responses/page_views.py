"""Page views: every request for a survey page is logged with its bot signals. A view never confirms a score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import DeliveryRow, PageViewRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.pages import PageView
from nps_connect.rules.bot_detection import (
    BOT_SIGNALS,
    BotSignal,
    PageVisit,
    detect_signals,
    parse_signals,
    serialize_signals,
)
from nps_connect.services.contacts.store import build_response
from nps_connect.services.context import Context
from nps_connect.services.responses.invitation_state import InvitationState, LockedInvitation, response_id
from nps_connect.services.reviews.review_pages import record_review_pages_shown

MAX_PAGE_VIEWS = 200
"""Stored page views of a survey link. Whoever has a link can open it forever: further views leave no row."""

MAX_SUBMISSION_VIEWS = 100
"""Submissions that are stored in addition: they must be found when the next one conflicts with them."""

RETROACTIVE_SIGNALS: frozenset[BotSignal] = frozenset({"several", "contradiction"})
"""Signals that appear on a later view and apply to the earlier ones just as much."""

_PROVISIONAL_COLUMNS = ("provisional_score", "provisional_at", "provisional_bot_signals")
_SELECT_RECENT_VIEWS = (
    select(
        PageViewRow.id,
        PageViewRow.invitation_id,
        PageViewRow.method,
        PageViewRow.at,
        PageViewRow.score,
        PageViewRow.bot_signals,
    )  # type: ignore[call-overload]
    .where(
        in_list(col(PageViewRow.invitation_id), "ids"),
        col(PageViewRow.at) >= bindparam("since", type_=UtcDateTime()),
        col(PageViewRow.score).is_not(None),
    )
    .order_by(col(PageViewRow.id))
)
_SELECT_REMINDERS = select(col(DeliveryRow.invitation_id), col(DeliveryRow.state), col(DeliveryRow.finished_at)).where(
    in_list(col(DeliveryRow.invitation_id), "ids"),
    col(DeliveryRow.action) == "send_reminder",
    col(DeliveryRow.state).in_(("succeeded", "pending", "held")),
)
_UPDATE_SIGNALS = (
    update(PageViewRow.__table__)
    .where(col(PageViewRow.id) == bindparam("page_view_id"))
    .values(bot_signals=bindparam("new_signals"))
)


@dataclass
class _LoggedView:
    """A page view or submission that is stored (`id`) or about to be inserted (`row`)."""

    visit: PageVisit
    signals: tuple[BotSignal, ...]
    id: int | None = None
    row: dict[str, Any] | None = None


class PageViewLog:
    """The recent page views of some invitations: detects bot signals of new ones and writes them in one batch.

    Attributes:
        reminded: invitations with a reminder that has not been sent yet.

    Args:
        session: the transaction; the caller holds the locks of the invitations.
        invitations: that may be viewed.
        since: stored views before this moment are not compared; `SWEEP_WINDOW` before the first new one.
    """

    def __init__(self, session: Session, invitations: Iterable[LockedInvitation], since: datetime) -> None:
        self._session = session
        self._sent_at: dict[int, list[datetime]] = defaultdict(list)
        self._views: dict[int, list[_LoggedView]] = defaultdict(list)
        self._changed: dict[int, _LoggedView] = {}
        self._rows: list[dict[str, Any]] = []
        self._stored_views: dict[int, int] = {}
        self.reminded: set[int] = set()
        with_reminder, with_views = [], []
        for invitation in invitations:
            invitation_id = invitation.state.id
            self._stored_views[invitation_id] = invitation.page_views
            if invitation.state.sent_at is not None:
                self._sent_at[invitation_id].append(invitation.state.sent_at)
            if invitation.has_reminder:
                with_reminder.append(invitation_id)
            if invitation.has_recent_view:
                with_views.append(invitation_id)
        if with_reminder:
            self._load_reminders(with_reminder)
        if with_views:
            self._load_views(with_views, since)

    def _load_reminders(self, invitation_ids: Sequence[int]) -> None:
        rows: Any = self._session.connection().execute(_SELECT_REMINDERS, {"ids": invitation_ids})
        for invitation_id, state, finished_at in rows:
            if state != "succeeded":
                self.reminded.add(invitation_id)
            elif finished_at is not None:
                self._sent_at[invitation_id].append(finished_at)

    def _load_views(self, invitation_ids: Sequence[int], since: datetime) -> None:
        parameters = {"ids": invitation_ids, "since": since}
        for view_id, invitation_id, method, at, score, signals in self._session.connection().execute(
            _SELECT_RECENT_VIEWS, parameters
        ):
            view = _LoggedView(PageVisit(method, at, score), parse_signals(signals), view_id)
            self._views[invitation_id].append(view)

    def record(self, invitation_id: int, view: PageView, score: int | None) -> tuple[BotSignal, ...]:
        """Record a page view or submission; return its bot signals.

        Signals that only several views together give are added to the earlier ones too.
        """
        visit = PageVisit(view.method, view.at, score)
        earlier = self._views[invitation_id]
        mails = self._sent_at[invitation_id]
        if not mails or mails[0] > view.at:  # before the first mail arrived: a scanner on its way, as fast as can be
            mails = [view.at]
        signals = detect_signals(visit, [logged.visit for logged in earlier] if earlier else (), mails)
        for signal in RETROACTIVE_SIGNALS.intersection(signals):
            for logged in earlier:
                if logged.visit.score != score and (logged.visit.method == "POST") == (view.method == "POST"):
                    self._add_signal(logged, signal)
        row = {
            "purpose": "survey",
            "invitation_id": invitation_id,
            "method": view.method,
            "at": view.at,
            "address": view.address,
            "agent": view.agent,
            "score": score,
            "bot_signals": serialize_signals(signals),
        }
        limit = MAX_PAGE_VIEWS + (MAX_SUBMISSION_VIEWS if view.method == "POST" else 0)
        if self._stored_views[invitation_id] < limit:
            self._stored_views[invitation_id] += 1
            self._rows.append(row)
        if score is not None:
            earlier.append(_LoggedView(visit, signals, row=row))
        return signals

    def _add_signal(self, logged: _LoggedView, signal: BotSignal) -> None:
        if signal in logged.signals:
            return
        logged.signals = tuple(name for name in BOT_SIGNALS if name in logged.signals or name == signal)
        if logged.row is not None:
            logged.row["bot_signals"] = serialize_signals(logged.signals)
        elif logged.id is not None:
            self._changed[logged.id] = logged

    def write(self) -> None:
        """Write the new views and the signals added to stored ones."""
        if self._changed:
            self._session.connection().execute(
                _UPDATE_SIGNALS,
                [
                    {"page_view_id": view_id, "new_signals": serialize_signals(view.signals)}
                    for view_id, view in self._changed.items()
                ],
            )
        insert_many(self._session, PageViewRow, self._rows)


def record_page_views(
    ctx: Context, session: Session, log: PageViewLog, views: Sequence[tuple[InvitationState, PageView]]
) -> None:
    """Record page views in order; the newest score that a link preselects becomes the provisional score."""
    provisional: dict[int, dict[str, Any]] = {}
    confirmed: dict[int, InvitationState] = {}
    for state, view in views:
        signals = log.record(state.id, view, view.score)
        if view.method != "GET" or not state.is_open(view.at):
            continue
        if view.score is not None and not state.revision:
            provisional[state.id] = {
                "public_id": state.public_id or response_id(state.link_id),
                "invitation_id": state.id,
                "contact_id": state.contact_id,
                "survey": state.survey,
                "touchpoint": state.touchpoint,
                "scale": NPS_SCALE,
                "revision": 0,
                "language": state.language,
                "do_not_contact": False,
                "follow_up": [],
                "provisional_score": view.score,
                "provisional_at": view.at,
                "provisional_bot_signals": serialize_signals(signals),
            }
        if state.is_confirmed:
            confirmed[state.id] = state
    insert_many(session, ResponseRow, list(provisional.values()), on_conflict=_update_provisional_score)
    for state in confirmed.values():
        record_review_pages_shown(
            ctx, session, state.response_id or 0, build_response(state.response()), state.contact(), state.id
        )


def _update_provisional_score(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """A provisional response keeps its ids and takes the newest provisional score."""
    return statement.on_conflict_do_update(
        index_elements=["invitation_id"],
        set_={name: getattr(statement.excluded, name) for name in _PROVISIONAL_COLUMNS},
    )
