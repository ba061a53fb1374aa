"""Judge what happened in a play, without knowing any particular mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from nps_connect.proof.cast import Player
from nps_connect.proof.observation import Delivered, Outcome, Responded
from nps_connect.records.base import FieldValue
from nps_connect.records.findings import Finding
from nps_connect.records.responses import Response, segment_of
from nps_connect.rules.routing import PlannedAction, plan_actions
from nps_connect.settings.model import Route, Settings, Survey

OPTED_OUT_ROLES = ("opted_out", "opts_out_before_mail")
UNDECIDED_ROLES = (*OPTED_OUT_ROLES, "control")
"""Roles of people of whom it is not known that they get a survey."""

UNFINISHED = {"pending", "running", "held", "dead"}


def judge(settings: Settings, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Return the findings about a play, each cause once."""
    findings: dict[tuple[str, str | None, str], Finding] = {}
    for finding in _judge_all(settings, outcomes):
        findings.setdefault((finding.id, finding.subject, _cause(finding)), finding)
    return list(findings.values())


def _cause(finding: Finding) -> str:
    """Return what is the same in findings about one cause: the text after the person."""
    return finding.text.partition(": ")[2] or finding.text


def _judge_all(settings: Settings, outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    for outcome in outcomes:
        if outcome.player.role not in UNDECIDED_ROLES:
            yield from _judge_survey(outcome)
        yield from _judge_opt_out(outcome)
        yield from _judge_repetition(settings, outcome)
        if outcome.response is not None:
            yield from _judge_effects(settings, outcome, outcome.response)


def _judge_survey(outcome: Outcome) -> Iterator[Finding]:
    """A person whose event a trigger accepts gets its survey, and can respond."""
    player, label = outcome.player, outcome.player.trigger.label
    decision = next((decision for decision in outcome.decisions if decision.trigger == label), None)
    if decision is None or decision.verdict != "yes":
        yield Finding(
            id="trigger-never-fires",
            subject=label,
            severity="error",
            text=f"trigger {label!r} did not fire for {describe_event(player)}, which its filter accepts: "
            + (decision.detail if decision else _missing_event(outcome)),
            fix=_trigger_fix(outcome),
        )
        return
    kinds = [kind for _, kind in outcome.messages]
    if "survey" not in kinds:
        yield Finding(
            id="survey-not-delivered",
            subject=player.trigger.survey,
            severity="error",
            text=f"survey {player.trigger.survey!r} did not reach {describe_person(player)} of trigger {label!r}: "
            + _problem(outcome.deliveries, "send_survey"),
            fix="change what delays or stops it",
        )
    elif outcome.page_problem is not None or (player.role == "respondent" and outcome.response is None):
        yield Finding(
            id="page-failing",
            subject=player.trigger.survey,
            severity="error",
            text=f"{describe_person(player)} of survey {player.trigger.survey!r} could not use a link of the mail"
            f" {_hours(player)} hours after it: {outcome.page_problem or 'the response was not recorded'}",
            fix=f"give people more time: surveys.{player.trigger.survey}.expires_after",
        )


def _missing_event(outcome: Outcome) -> str:
    kind, source = outcome.player.trigger.on, outcome.player.trigger.source
    if not outcome.had_event:
        return f"in the account of {source} no {kind} can happen with these values"
    different = _reported_values(outcome)
    if different:
        return f"{source} reported no {kind} with these values, only with {different}"
    return f"no decision: {source} reported no event {kind} with one contact"


def _reported_values(outcome: Outcome) -> str:
    """Return the texts in the reported events' fields that are never those of this person's event."""
    different: list[str] = []
    for name, value in sorted(outcome.player.fields.items()):
        reported = {fields.get(name) for fields in outcome.reported_fields}
        if isinstance(value, str) and reported and value not in reported:
            different.append(f"{name} = {' or '.join(sorted(_literal(other) for other in reported))}")
    return ", ".join(different)


def _trigger_fix(outcome: Outcome) -> str:
    """Return what to change so that a trigger fires."""
    trigger = outcome.player.trigger
    winner = next((decision.trigger for decision in outcome.decisions if decision.verdict == "yes"), None)
    if winner is not None:
        return f"give {trigger.label!r} a higher priority than {winner!r}, or make the filter of {winner!r} refuse it"
    if not outcome.decisions and outcome.had_event and _reported_values(outcome):
        return f"correct its where, or the settings of connections.{trigger.source} that decide what a {trigger.on} is"
    if outcome.decisions:
        return "change what this reason names: the dates or the filter of the trigger, or limits"
    return (
        "compare its on, from and where with what the account sends; see: nps-connect connections check "
        f"{trigger.source}"
    )


def _judge_opt_out(outcome: Outcome) -> Iterator[Finding]:
    """Nobody is mailed after saying no."""
    late = [kind for at, kind in outcome.messages if outcome.opted_out_at is not None and at > outcome.opted_out_at]
    if late:
        source = outcome.player.trigger.source
        how = "unsubscribed by the link" if outcome.player.role == "unsubscribes" else f"opted out at {source}"
        yield Finding(
            id="opt-out-ignored",
            subject=source,
            severity="error",
            text=f"{describe_person(outcome.player)} got a {late[0].replace('_', ' ')} mail: the person had {how}",
            fix=f"correct what connections.{source} reads as an opt-out",
        )


def _judge_repetition(settings: Settings, outcome: Outcome) -> Iterator[Finding]:
    """Nothing happens twice, whatever calls to vendors failed."""
    player, kinds = outcome.player, [kind for _, kind in outcome.messages]
    survey = settings.surveys[player.trigger.survey]
    allowed = {"survey": 1, "review_invitation": _review_mails(settings), "reminder": _reminders(survey)}
    counts = [(f"{kind.replace('_', ' ')} mails", kinds.count(kind), limit) for kind, limit in allowed.items()]  # type: ignore[arg-type]
    alerts = 1 + int(settings.cases.alert_when_overdue)
    for name, effects in outcome.effects.items():
        counts += [(f"tickets at {name}", effects.tickets, 1), (f"alerts at {name}", effects.alerts or 0, alerts)]
    for what, count, limit in counts:
        if count > limit:
            yield Finding(
                id="effect-repeated",
                subject=player.trigger.label,
                severity="error",
                text=f"{describe_person(player)} of trigger {player.trigger.label!r}: {count} {what}, not {limit}",
                fix="report it: no configuration may lead to this",
            )


def _reminders(survey: Survey) -> int:
    planned = survey.reminders if survey.reminder_after is not None else 0
    return planned + int(survey.confirm_detractors)


def _review_mails(settings: Settings) -> int:
    """Return how many review mails one response may lead to: an invitation per platform, each with its reminder."""
    platforms = len({route.via for route in settings.routes if route.do == "invite_review"})
    return platforms * (2 if settings.reviews.reminder_after is not None else 1)


def _judge_effects(settings: Settings, outcome: Outcome, response: Responded) -> Iterator[Finding]:
    """Every action that the routes plan for a response takes effect where it should."""
    planned = plan(settings.routes, response)
    scores = [action for action in planned if action.action == "write_score"]
    visible = [action for action in scores if outcome.effects[action.via].score == response.score]
    for action in planned:
        if action.action == "write_score" and visible and action not in visible:
            if _state(outcome.deliveries, action) in UNFINISHED:
                yield _missing_effect(outcome, action)
        elif not _is_visible(outcome, action, response):
            yield _missing_effect(outcome, action)


def _is_visible(outcome: Outcome, action: PlannedAction, response: Responded) -> bool:
    effects = outcome.effects[action.via]
    if action.action == "write_score":
        return effects.score == response.score
    if action.action == "open_ticket":
        return effects.tickets > 0
    if action.action == "send_alert":
        return effects.alerts is None or effects.alerts > 0
    if action.weight == 0:
        return True
    return "review_invitation" in [kind for _, kind in outcome.messages]


def _missing_effect(outcome: Outcome, action: PlannedAction) -> Finding:
    player = outcome.player
    words = action.action.replace("_", " ")
    return Finding(
        id="effect-missing",
        subject=action.via,
        severity="error",
        text=f"route {action.route + 1} ({words} via {action.via}) had no effect for {describe_person(player)} of "
        f"trigger {player.trigger.label!r}: {_problem(outcome.deliveries, action.action, action.via)}",
        fix=f"correct via or the settings of connections.{action.via}; see: nps-connect connections check {action.via}",
    )


def _state(deliveries: Iterable[Delivered], action: PlannedAction) -> str | None:
    states = [item.state for item in deliveries if (item.action, item.connection) == (action.action, action.via)]
    return states[-1] if states else None


def _problem(deliveries: Iterable[Delivered], action: str, connection: str | None = None) -> str:
    """Return why a delivery has no effect."""
    for item in reversed(list(deliveries)):
        if item.action == action and connection in (None, item.connection):
            return f"the delivery is {item.state}" + (f" ({item.problem})" if item.problem else "")
    return "there is no delivery"


def plan(routes: Sequence[Route], response: Responded) -> tuple[PlannedAction, ...]:
    """Return what the routes plan for a response."""
    record = Response(
        id="proof",
        revision=1,
        survey=response.survey,
        touchpoint=response.touchpoint,
        score=response.score,
        language=response.language,
        answered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return plan_actions(routes, response=record, grace_periods={})


def describe_person(player: Player) -> str:
    """Return a person for a finding: segment, score and language, or what the person does."""
    language = player.customer.person.language
    if player.customer.persona.score is not None:
        return f"a {segment_of(player.score)} ({player.score}, {language})"
    if player.role in ("silent", "control"):
        return "a customer"
    return f"a customer who {player.role.replace('_', ' ')} ({language})"


def describe_event(player: Player) -> str:
    """Return the event of a person for a finding."""
    listed = ", ".join(f"{name} = {_literal(value)}" for name, value in sorted(player.fields.items()))
    return f"a {player.trigger.on} of {player.trigger.source}" + (f" with {listed}" if listed else "")


def _literal(value: FieldValue) -> str:
    if value is None:
        return "(missing)"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _hours(player: Player) -> int:
    return int(player.response_wait.total_seconds() // 3600)
