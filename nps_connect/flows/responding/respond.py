"""Respond: visits to survey pages, taken together. Opening confirms nothing; only a press does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from nps_connect.flows.context import Context
from nps_connect.flows.responding.openings import note_openings
from nps_connect.flows.responding.presses import take_presses
from nps_connect.flows.responding.standings import OPEN_STATES, Locked, lock_standings
from nps_connect.flows.responding.visits import VisitBook
from nps_connect.records.pages import SurveyVisit, Taken, VisitInfo
from nps_connect.rules.machines import TOGETHER

Numbered = tuple[int, SurveyVisit]
"""A visit with the id of its survey invitation."""


def take_visits(ctx: Context, visits: Sequence[SurveyVisit]) -> list[Taken | Exception]:
    """Note openings and take presses, in their order and together in one transaction; durable on return.

    A press gives a new revision and its deliveries; a repeated one adds nothing. Two different scores within seconds
    are no person's answer: it becomes provisional again, and what it has led to waits for the next press.

    Returns:
        Where each survey stands now, or why that visit could not be taken; one that fails does not fail the others.

    Raises:
        OperationalError: the database is in trouble.
    """
    taken: list[Taken | Exception] = []
    numbered: dict[int, Numbered] = {}
    for index, one in enumerate(visits):
        number = ctx.links.read_survey(one.token)
        if number is not None:
            numbered[index] = (number, one)
        taken.append("unknown" if number is not None or ctx.links.read_test(one.token) is None else "test")
    for turn in _turns(numbered):
        for index, outcome in zip(turn, _take(ctx, [numbered[index] for index in turn]), strict=True):
            taken[index] = outcome
    return taken


def _turns(numbered: dict[int, Numbered]) -> Iterator[list[int]]:
    """Visits that can be taken together: what follows a press of the same survey has to see what came of it."""
    turns: list[list[int]] = []
    pressed: dict[int, int] = {}
    for index, (number, one) in numbered.items():
        turn = pressed.get(number, 0)
        if turn == len(turns):
            turns.append([])
        turns[turn].append(index)
        if one.press is not None:
            pressed[number] = turn + 1
    yield from turns


def _take(ctx: Context, group: Sequence[Numbered]) -> Sequence[Taken | Exception]:
    lanes: set[str] = set()
    try:
        with ctx.ledger.write() as session:
            taken = _take_together(ctx, session, group, lanes)
    except OperationalError:  # the database itself is in trouble: alone none of them would fare better
        raise
    except Exception as error:  # noqa: BLE001  # told to the one whom it concerns
        return [error] if len(group) == 1 else [outcome for one in group for outcome in _take(ctx, [one])]
    for lane in lanes:
        ctx.wake(lane)
    return taken


def _take_together(
    ctx: Context, session: Session, group: Sequence[Numbered], lanes: set[str]
) -> list[Taken | Exception]:
    """One transaction of visits; at most one press of a survey, after its openings."""
    since = min(one.visit.at for _, one in group) - TOGETHER
    surveys = lock_standings(session, {number for number, _ in group}, since)
    known = [(surveys[number], one) for number, one in group if number in surveys]
    confirmed: dict[int, bool] = {}
    if known:
        book = VisitBook(session, surveys, since)
        opened = [(survey.standing, one.visit) for survey, one in known if one.press is None]
        pressed = [(survey, one.visit, one.press) for survey, one in known if one.press is not None]
        if opened:
            note_openings(ctx, session, book, opened)
        if pressed:
            confirmed = take_presses(ctx, session, book, pressed, lanes)
        book.write()
    return [_state(surveys.get(number), one.visit, confirmed.get(number)) for number, one in group]


def _state(survey: Locked | None, visit: VisitInfo, confirmed: bool | None) -> Taken:
    if survey is None or survey.standing.state not in OPEN_STATES:
        return "unknown"
    standing = survey.standing
    if not standing.is_open(visit.at):
        return "expired"
    return "answered" if (standing.is_confirmed if confirmed is None else confirmed) else "open"
