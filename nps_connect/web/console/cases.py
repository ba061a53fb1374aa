"""Cases: the list of customers to call, the page made for calling, and what staff do there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any, NamedTuple, cast, get_args

from fastapi import APIRouter
from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col
from starlette.responses import Response

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.ledger.users import UserRow
from nps_connect.records.actions import REMEDIES, CallOutcome
from nps_connect.records.base import is_mail_address
from nps_connect.rendering.case_texts import remedy_label
from nps_connect.rules.timing import utc_at
from nps_connect.services.cases.case_list import case_state, due_at, due_column, state_clauses, summarize_cases
from nps_connect.services.cases.case_work import (
    CaseEntry,
    CaseUnchanged,
    add_note,
    assign_case,
    lock_case,
    record_call,
)
from nps_connect.services.context import Context
from nps_connect.services.decisions.staff_cases import reopen_case, solve_case
from nps_connect.services.reports.filters import ResponseFilter, restrict
from nps_connect.services.reports.response_list import load_dimensions
from nps_connect.web.console.access import AnyUserPage, CaseWorkerPage
from nps_connect.web.console.case_page import build_case_view
from nps_connect.web.console.console_page import ConsoleForm, ConsolePage
from nps_connect.web.console.figure_values import FigureValues
from nps_connect.web.console.page_filter import build_link

CASES_PATH = "/console/cases"
CASES_PER_PAGE = 50
MAX_PAGE = 1000
NOBODY = "nobody"
DEFAULT_CALL_TIME = time(9)

router = APIRouter()


class CaseEntryView(NamedTuple):
    """A case in the list."""

    public_id: str
    score: int
    name: str | None
    comment: str | None
    shop: str | None
    state: str
    due_at: datetime | None
    days_open: int
    assigned_to: str | None
    recovered_score: int | None


@router.get(CASES_PATH)
def list_cases(page: AnyUserPage) -> Response:
    """Show cases, those that are due first leading."""
    now, clauses = page.now, state_clauses(page.now)
    state = page.query.get("state", "open")
    state = state if state in clauses else "open"
    owner = page.query.get("owner", "")
    visible: list[ColumnElement[bool]] = [*restrict(ResponseFilter(), page.viewer).conditions()]
    if owner == NOBODY:
        visible.append(col(CaseRow.assigned_to).is_(None))
    elif owner:
        visible.append(col(CaseRow.assigned_to) == owner)
    number = page.query.get("page", "1")
    position = min(int(number[:4]), MAX_PAGE) if number.isdecimal() and int(number[:4]) > 0 else 1
    order: Any = (due_column(), col(CaseRow.id)) if state in ("open", "overdue") else (col(CaseRow.id).desc(),)
    query = (
        select(CaseRow, ResponseRow, ContactRow)
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
        .where(clauses[state], *visible)
        .order_by(*order)
    )
    with page.ctx.ledger.read() as session:
        summary = summarize_cases(session, now, *visible)
        first = (position - 1) * CASES_PER_PAGE
        rows = session.execute(query.offset(first).limit(CASES_PER_PAGE + 1)).all()
        shops = load_dimensions(session, [response.id for _case, response, _contact in rows])
        owners = load_owners(session)
    entries = [
        CaseEntryView(
            response.public_id,
            response.score or 0,
            contact.name,
            response.comment,
            shops.get(response.id, {}).get("location"),
            case_state(case, now),
            due_at(case),
            max(0, (now - case.opened_at).days),
            case.assigned_to,
            case.recovered_score,
        )
        for case, response, contact in rows[:CASES_PER_PAGE]
    ]

    def link(**changes: str) -> str:
        values = {"state": state, "owner": owner} | changes
        return build_link(CASES_PATH, {name: value for name, value in values.items() if value})

    return page.render(
        "cases.html.j2",
        area="cases",
        summary=summary,
        entries=entries,
        state=state,
        owner=owner,
        owners=owners,
        state_link=lambda name: link(state=name),
        later=link(page=str(position + 1)) if len(rows) > CASES_PER_PAGE else None,
        earlier=link(page=str(position - 1)) if position > 1 else None,
        figures=FigureValues(page.language, page.ctx.settings.core.zone, now),
    )


def load_owners(session: Session) -> list[tuple[str, str]]:
    """Return address and name of the users who work on cases."""
    query = select(col(UserRow.email), col(UserRow.name)).where(col(UserRow.role).in_(("case_worker", "admin")))
    return [(email, name) for email, name in session.execute(query.order_by(col(UserRow.name)))]


@router.get(CASES_PATH + "/{public_id}")
def show_case(public_id: str, page: AnyUserPage) -> Response:
    """Show a case with everything that one needs to call the customer."""
    return _render_case(page, public_id)


def _render_case(page: ConsolePage, public_id: str, *, status: int = 200, error: str = "") -> Response:
    conditions = restrict(ResponseFilter(), page.viewer).conditions()
    with page.ctx.ledger.read() as session:
        view = build_case_view(page, session, public_id[:40], conditions)
        owners = load_owners(session)
    if view is None:
        return page.refuse()
    assigned = view.assigned_to
    if assigned is not None and assigned not in dict(owners):
        owners.append((assigned, assigned))
    return page.render(
        "case.html.j2",
        status,
        area="cases",
        case=view,
        owners=owners,
        remedies=[(remedy, remedy_label(remedy, page.language)) for remedy in REMEDIES],
        error=error,
        entered=page.form,
        may_work=page.viewer.has_role("case_worker"),
        figures=FigureValues(page.language, page.ctx.settings.core.zone, page.now),
    )


Change = Callable[[Context, Session, CaseRow, Actor, ConsoleForm], set[str]]


def _change(page: ConsolePage, public_id: str, change: Change, message: str) -> Response:
    """Change a case and show it; a change that is refused shows the page with the reason and what was entered."""
    _ = page.gettext
    try:
        with page.ctx.ledger.write() as session:
            case = lock_case(session, public_id[:40])
            if case is None:
                return page.refuse()
            queue_names = change(page.ctx, session, case, page.actor, page.form)
    except CaseUnchanged:
        error = _("This was not stored: the case has changed meanwhile, or a day or text is missing.")
        return _render_case(page, public_id, status=422, error=error)
    for queue_name in queue_names:
        page.ctx.wake(queue_name)
    return page.redirect(f"{CASES_PATH}/{public_id[:40]}", message)


@router.post(CASES_PATH + "/{public_id}/call")
def call(public_id: str, page: CaseWorkerPage) -> Response:
    """Record a call."""

    def change(ctx: Context, session: Session, case: CaseRow, actor: Actor, form: ConsoleForm) -> set[str]:
        outcome = form.get("outcome", "")
        if outcome not in get_args(CallOutcome):
            raise CaseUnchanged("no outcome of the call")
        next_contact_at = _read_moment(ctx, form)
        entry = CaseEntry(
            kind="called",
            text=form.get("text"),
            call_outcome=cast("CallOutcome", outcome),
            next_contact_at=next_contact_at,
        )
        return record_call(ctx, session, case, actor, entry)

    return _change(page, public_id, change, page.gettext("The call is stored."))


def _read_moment(ctx: Context, form: ConsoleForm) -> datetime | None:
    """Return the moment of the next call; None if no day was entered.

    Raises:
        CaseUnchanged: it is none.
    """
    day = form.get("day", "").strip()
    if not day:
        return None
    try:
        clock_time = time.fromisoformat(form.get("time", "").strip() or DEFAULT_CALL_TIME.isoformat())
        moment = utc_at(datetime.fromisoformat(day).date(), clock_time.replace(tzinfo=None), ctx.settings.core.zone)
    except (ValueError, OverflowError):
        raise CaseUnchanged("not a day") from None
    return moment


@router.post(CASES_PATH + "/{public_id}/note")
def note(public_id: str, page: CaseWorkerPage) -> Response:
    """Keep a note."""

    def change(ctx: Context, session: Session, case: CaseRow, actor: Actor, form: ConsoleForm) -> set[str]:
        return add_note(ctx, session, case, actor, form.get("text", ""))

    return _change(page, public_id, change, page.gettext("The note is stored."))


@router.post(CASES_PATH + "/{public_id}/assign")
def assign(public_id: str, page: CaseWorkerPage) -> Response:
    """Let somebody have the case."""

    def change(ctx: Context, session: Session, case: CaseRow, actor: Actor, form: ConsoleForm) -> set[str]:
        address = form.get("address", "")
        if address and not is_mail_address(address):
            raise CaseUnchanged("not an address")
        return assign_case(ctx, session, case, actor, address or None)

    return _change(page, public_id, change, page.gettext("The case is assigned."))


@router.post(CASES_PATH + "/{public_id}/solve")
def solve(public_id: str, page: CaseWorkerPage) -> Response:
    """Solve the case."""

    def change(ctx: Context, session: Session, case: CaseRow, actor: Actor, form: ConsoleForm) -> set[str]:
        remedies = tuple(remedy for remedy in REMEDIES if remedy in form.lists.get("done", ()))
        return solve_case(ctx, session, case, actor, remedies=remedies, text=form.get("text") or None)

    return _change(page, public_id, change, page.gettext("The case is solved."))


@router.post(CASES_PATH + "/{public_id}/reopen")
def reopen(public_id: str, page: CaseWorkerPage) -> Response:
    """Reopen the case."""

    def change(ctx: Context, session: Session, case: CaseRow, actor: Actor, _form: ConsoleForm) -> set[str]:
        return reopen_case(ctx, session, case, actor)

    return _change(page, public_id, change, page.gettext("The case is open again."))
