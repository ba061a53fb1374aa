"""Compare the ``[[expect]]`` tables with what the evaluators of triggers and routes decide."""

from __future__ import annotations

from collections.abc import Iterator

from nps_connect.proof.observation import Responded
from nps_connect.proof.oracles import plan
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.findings import Finding
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.trigger_decision import Candidate, Person
from nps_connect.services.context import Context
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.settings.expectations import NO_SURVEY, Expectation
from nps_connect.settings.model import Trigger


def check_expectations(ctx: Context) -> Iterator[Finding]:
    """Yield a finding for each expectation that is not met.

    The event happens to somebody who can be mailed and was never surveyed.
    """
    evaluator = TriggerEvaluator(ctx)
    for number, expectation in enumerate(ctx.settings.expect, start=1):
        problem = _check(ctx, evaluator, expectation)
        if problem is not None:
            yield Finding(
                id="expectation-failed",
                subject=f"expect.{number}",
                severity="error",
                text=f"expectation {number}, {expectation.label}: {problem}",
                fix=f"correct the triggers or routes, or expect.{number}",
            )


def _check(ctx: Context, evaluator: TriggerEvaluator, expectation: Expectation) -> str | None:
    """Return what differs from the expectation, or None."""
    trigger: Trigger | None = None
    if expectation.on is not None:
        trigger, reasons = _decide(ctx, evaluator, expectation)
        survey = trigger.survey if trigger is not None else NO_SURVEY
        if survey != expectation.survey:
            because = f" ({'; '.join(reasons)})" if reasons else " (no trigger listens to it)"
            by = f" by trigger {trigger.label!r}" if trigger is not None else because
            return f"leads to {_survey(survey)}{by}, not to {_survey(expectation.survey)}"
    if expectation.score is None:
        return None
    settings = ctx.settings
    touchpoint = expectation.touchpoint or (trigger.touchpoint if trigger else None)
    touchpoint = touchpoint or settings.surveys[expectation.survey].touchpoint or expectation.survey
    language = expectation.language or settings.core.language
    planned = plan(settings.routes, Responded(expectation.survey, touchpoint, language, expectation.score))
    actions, expected = {f"{item.action} via {item.via}" for item in planned}, set(expectation.actions)
    if actions == expected:
        return None
    differences = [*(f"not to {name}" for name in sorted(expected - actions))]
    differences += [f"also to {name}" for name in sorted(actions - expected)]
    return f"leads {', '.join(differences)}"


def _survey(name: str) -> str:
    return "no survey" if name == NO_SURVEY else f"survey {name!r}"


def _decide(ctx: Context, evaluator: TriggerEvaluator, expectation: Expectation) -> tuple[Trigger | None, list[str]]:
    """Return the trigger that fires, or None with the reasons of those that do not."""
    now, source = ctx.clock(), expectation.source or ""
    contact = Contact(
        connection=source,
        id="expected",
        email="expected@example.com",
        language=expectation.language or ctx.settings.core.language,
    )
    event = Event(
        key="expected",
        kind=expectation.on or "",
        object_id="expected",
        occurred_at=now,
        contacts=(contact,),
        fields=dict(expectation.fields),
    )
    candidate = Candidate(event, (contact,), Person(("expected",)), now, now)
    decisions = evaluator.evaluate(source, candidate, LimitState(ctx.settings.core.zone, _nothing_due))
    winner = next((trigger for trigger, decision in decisions if decision.verdict == "yes"), None)
    return winner, [f"{trigger.label}: {decision.detail}" for trigger, decision in decisions]


def _nothing_due(*_arguments: object) -> int:
    return 0
