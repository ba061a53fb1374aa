"""Problems: the list, the page with the verdict, and the forms that open, fix and close them."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import Response

from nps_connect.ledger.problems import ProblemRow
from nps_connect.rendering.labels import readable_name
from nps_connect.rendering.problem_texts import waiting_text
from nps_connect.services.problems.causes import CauseKind, FollowUpChoice, list_choices, list_themes
from nps_connect.services.problems.facts import list_facts
from nps_connect.services.problems.problems import (
    EVIDENCE_DAYS,
    PERIOD_DAYS,
    NewProblem,
    close_problem,
    enter_fix,
    find_problem,
    list_problems,
    open_problem,
)
from nps_connect.services.problems.refusals import ProblemRefused
from nps_connect.web.console.access import AnyUserPage, CaseWorkerPage
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.problem_views import fact_label, fact_value, view_problem
from nps_connect.web.console.theme_labels import theme_labels

AREA = "problems"
PERIODS = (28, 56, 84, 182)
FACT_PREFIX = "fact."
_SEPARATOR = "\x1f"

router = APIRouter()


@router.get("/console/problems")
def show_problems(page: AnyUserPage) -> Response:
    """List the problems; a viewer of one team sees those of the team."""
    with page.ctx.ledger.read() as session:
        problems = [view_problem(page, row) for row in list_problems(session, team=page.viewer.team)]
    return page.render("problems.html.j2", area=AREA, problems=problems)


@router.get("/console/problems/new")
def show_new(page: CaseWorkerPage) -> Response:
    """Show the form of a new problem, filled with the filter of the address."""
    return _render_new(page, dict(page.query))


@router.post("/console/problems")
def store_new(page: CaseWorkerPage) -> Response:
    """Open a problem."""
    form, _ = page.form, page.gettext
    cause_kind, cause = _parse_cause(form.get("cause", ""))
    try:
        with page.ctx.ledger.write() as session:
            new = NewProblem(
                title=form.get("title", ""),
                owner=form.get("owner", ""),
                deadline=_parse_day(form.get("deadline", "")),
                cause_kind=cause_kind,
                cause=cause,
                concerned={
                    name.removeprefix(FACT_PREFIX): value
                    for name, value in form.items()
                    if name.startswith(FACT_PREFIX)
                },
                evidence_first=_parse_day(form.get("from", "")),
                note=form.get("note", "")[:2000],
            )
            row = open_problem(session, page.ctx.settings, new, actor=page.actor, now=page.now)
            target = f"/console/problems/{row.id}"
    except ProblemRefused as refused:
        values = {name.removeprefix(FACT_PREFIX): value for name, value in form.items()}
        return _render_new(page, values, refused.text(page.language), status=422)
    return page.redirect(target, _("The problem is open."))


@router.get("/console/problems/{number}")
def show_problem(number: str, page: AnyUserPage) -> Response:
    """Show a problem."""
    return _render_problem(page, number)


@router.post("/console/problems/{number}/fix")
def store_fix(number: str, page: CaseWorkerPage) -> Response:
    """Enter when a problem was fixed."""
    form, _ = page.form, page.gettext
    try:
        with page.ctx.ledger.write() as session:
            row = _load(page, session, number)
            plan = enter_fix(
                session, page.ctx.settings, row,
                fixed_on=_parse_day(form.get("fixed_on", "")),
                days=int(form.get("days", "")) if form.get("days", "").isdecimal() else 0,
                note=form.get("note", "")[:2000], actor=page.actor, now=page.now,
            )  # fmt: skip
    except ProblemRefused as refused:
        return _render_problem(page, number, refused.text(page.language), status=422)
    today = page.now.astimezone(page.ctx.settings.core.zone).date()
    return page.redirect(f"/console/problems/{number}", waiting_text(page.language, plan.due_on, today))


@router.post("/console/problems/{number}/close")
def store_close(number: str, page: CaseWorkerPage) -> Response:
    """Close a problem."""
    _ = page.gettext
    try:
        with page.ctx.ledger.write() as session:
            row = _load(page, session, number)
            reason = page.form.get("reason", "").strip()[:500] or None
            close_problem(session, row, actor=page.actor, now=page.now, reason=reason)
    except ProblemRefused as refused:
        return _render_problem(page, number, refused.text(page.language), status=422)
    return page.redirect(f"/console/problems/{number}", _("The problem is closed."))


def _load(page: ConsolePage, session: Session, number: str) -> ProblemRow:
    """Return a problem that the viewer may see.

    Raises:
        ProblemRefused: there is none.
    """
    row = find_problem(session, int(number)) if number.isdecimal() and len(number) < 18 else None
    if row is None or page.viewer.team not in (None, row.concerned.get("team")):
        raise ProblemRefused("unknown_problem", number=number)
    return row


def _render_problem(page: ConsolePage, number: str, error: str = "", *, status: int = 200) -> Response:
    with page.ctx.ledger.read() as session:
        try:
            view = view_problem(page, _load(page, session, number))
        except ProblemRefused:
            return page.refuse()
    today = page.now.astimezone(page.ctx.settings.core.zone).date()
    waiting = "" if view.row.due_on is None else waiting_text(page.language, view.row.due_on, today)
    can_fix = view.row.after_first is None or today < view.row.after_first
    return page.render(
        "problem.html.j2", status, area=AREA, problem=view, error=error, waiting=waiting, can_fix=can_fix,
        periods=PERIODS, period_days=PERIOD_DAYS, today=today,
    )  # fmt: skip


def _render_new(page: ConsolePage, values: dict[str, str], error: str = "", *, status: int = 200) -> Response:
    settings, _ = page.ctx.settings, page.gettext
    today = page.now.astimezone(settings.core.zone).date()
    with page.ctx.ledger.read() as session:
        facts = [
            (
                name,
                fact_label(name, _),
                [(value, fact_value(settings, name, value, page.language)) for value in options],
            )
            for name, options in list_facts(session, settings).items()
        ]
        themes = list_themes(session)
    theme_names = theme_labels(page)
    causes = [(_SEPARATOR.join(("choice", *item)), item.choice) for item in list_choices(settings)]
    causes += [
        (
            _SEPARATOR.join(("theme", theme)),
            _("Theme: %(name)s") % {"name": theme_names.get(theme) or readable_name(theme)},
        )
        for theme in themes
    ]
    values.setdefault("from", (today - timedelta(days=EVIDENCE_DAYS - 1)).isoformat())
    values.setdefault("deadline", (today + timedelta(days=28)).isoformat())
    values.setdefault("owner", page.viewer.name)
    return page.render(
        "problem-new.html.j2", status, area=AREA, facts=facts, causes=causes, values=values, error=error, today=today
    )


def _parse_cause(text: str) -> tuple[CauseKind, dict[str, str]]:
    """Return kind and cause of the form's choice; anything else judges the score."""
    match text.split(_SEPARATOR):
        case ["choice", question, choice]:
            return "choice", FollowUpChoice(question, choice)._asdict()
        case ["theme", theme]:
            return "theme", {"theme": theme}
    return "group", {}


def _parse_day(text: str) -> date:
    """Return the day of a form.

    Raises:
        ProblemRefused: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ProblemRefused("no_day") from None
