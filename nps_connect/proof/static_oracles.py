"""Judge what follows from the configuration itself: routes, quiet times, filters against the account. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from nps_connect.proof.cast import EMAIL_DOMAIN_FIELD, Cast, Player
from nps_connect.proof.observation import Responded
from nps_connect.proof.oracles import plan
from nps_connect.records.base import SEGMENTS
from nps_connect.records.filters import nearest_name
from nps_connect.records.findings import Finding
from nps_connect.records.responses import segment_of
from nps_connect.records.snapshots import AccountSnapshot, VendorField
from nps_connect.rules.filters import Filter
from nps_connect.rules.quiet_span import measure_quiet_span
from nps_connect.services.contacts.store import is_on_allow_list
from nps_connect.services.context import Context
from nps_connect.services.reviews.review_pages import location_field_key, location_field_name
from nps_connect.settings.durations import format_duration
from nps_connect.settings.model import Route, ScheduleTrigger, Settings, Trigger

NOTICED_ACTIONS = ("open_ticket", "send_alert")
"""Actions that bring a response before a person."""

MAX_QUIET_WAIT = timedelta(days=4)
"""Longest sound wait for the end of quiet times: a weekend with a holiday, and the nights around it."""

MIN_OPEN_TIME = timedelta(hours=5)
"""Least time of a week in which mail may be sent by day: an hour on each working day."""

MAX_START_WAIT = timedelta(days=183)
"""Longest sound time until the first day of a trigger: a longer one is a slip of the year."""

MIN_DAYTIME_SHARE = 0.5
"""Least open time by day as a share of that by night: mail that leaves mostly at night has its hours inverted."""

MAX_LISTED = 6


def possible_responses(settings: Settings) -> list[Responded]:
    """Return every response that the routes may tell apart: survey, touchpoint, language and score."""
    return [
        Responded(name, touchpoint, language, score)
        for name in settings.surveys
        for touchpoint in _touchpoints(settings, name)
        for language in settings.core.languages
        for score in range(11)
    ]


def _touchpoints(settings: Settings, survey: str) -> list[str]:
    default = settings.surveys[survey].touchpoint or survey
    used = [trigger.touchpoint or default for trigger in settings.all_triggers if trigger.survey == survey]
    return list(dict.fromkeys(used)) or [default]


def judge_routes(settings: Settings) -> Iterator[Finding]:
    """Every route is used by some response, every segment has an effect, and detractors reach a person."""
    used: set[int] = set()
    responses = possible_responses(settings)
    unheard: list[Responded] = []
    for response in responses:
        planned = plan(settings.routes, response)
        used |= {action.route for action in planned}
        segment = segment_of(response.score)
        is_noticed = any(action.action in NOTICED_ACTIONS for action in planned)
        if not planned or (segment == "detractor" and not is_noticed):
            unheard.append(response)
    for index, route in enumerate(settings.routes):
        if index not in used:
            mismatches = _describe_mismatches(route, responses)
            yield Finding(
                id="route-never-used",
                subject=f"routes.{index + 1}",
                severity="error",
                text=f"route {index + 1} ({route.do.replace('_', ' ')} via {route.via}) is used by no response that "
                f"the surveys and triggers can lead to{': ' if mismatches else ''}{mismatches}",
                fix="compare its surveys, touchpoints, languages and scores with those of the triggers",
            )
    for segment in SEGMENTS:
        unheard_here = [response for response in unheard if segment_of(response.score) == segment]
        if unheard_here:
            limits = _describe_part(unheard_here, [item for item in responses if segment_of(item.score) == segment])
            surveys = ", ".join(dict.fromkeys(response.survey for response in unheard_here))
            lacks = "no ticket and no alert" if segment == "detractor" else "no action"
            yield Finding(
                id="segment-without-route",
                subject=segment,
                severity="error",
                text=f"a {segment} of {surveys}{' with ' + limits if limits else ''} leads to {lacks}: "
                "nobody learns of the response",
                fix=f'add {limits} to a route with on = "{segment}"'
                if limits
                else f'add a route with on = "{segment}"',
            )


def _describe_mismatches(route: Route, responses: Sequence[Responded]) -> str:
    """Return for each key of an unused route what it has, and what the responses have that its other keys accept."""
    accepts: dict[str, Callable[[Responded], bool]] = {
        "scores": lambda response: response.score in route.accepted_scores,
        "surveys": lambda response: not route.surveys or response.survey in route.surveys,
        "touchpoints": lambda response: not route.touchpoints or response.touchpoint in route.touchpoints,
        "languages": lambda response: not route.languages or response.language.partition("-")[0] in route.languages,
    }
    values: dict[str, Callable[[Responded], str]] = {
        "surveys": lambda response: response.survey,
        "touchpoints": lambda response: response.touchpoint,
        "languages": lambda response: response.language,
    }
    described = []
    for key, value in values.items():
        others = [accept for other, accept in accepts.items() if other != key]
        available = {value(response) for response in responses if all(accept(response) for accept in others)}
        required = getattr(route, key)
        if required and available and available.isdisjoint(required):
            described.append(f"it has {key} {_quoted(required)}, the responses have {_quoted(sorted(available))}")
    return "; ".join(described)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _describe_part(part: Sequence[Responded], whole: Sequence[Responded]) -> str:
    """Return what narrows a part of the responses, in the keys of routes: ``scores 6``; empty if nothing does."""
    values = {
        "touchpoints": ([item.touchpoint for item in part], [item.touchpoint for item in whole]),
        "languages": ([item.language for item in part], [item.language for item in whole]),
        "scores": ([str(item.score) for item in part], [str(item.score) for item in whole]),
    }
    narrowed = {
        key: list(dict.fromkeys(values_of_part))
        for key, (values_of_part, values_of_whole) in values.items()
        if set(values_of_part) != set(values_of_whole)
    }
    return ", ".join(f"{key} {', '.join(values_of_part)}" for key, values_of_part in narrowed.items())


def judge_quiet_times(settings: Settings, start: datetime) -> Iterator[Finding]:
    """Quiet times end, and leave time for sending when people are awake."""
    limits = settings.limits
    span = measure_quiet_span(limits, start, settings.core.zone)
    is_nocturnal = span.open_by_day < MIN_DAYTIME_SHARE * span.open_by_night
    if span.longest_wait <= MAX_QUIET_WAIT and span.open_by_day >= MIN_OPEN_TIME and not is_nocturnal:
        return
    by_day, by_night = (time.total_seconds() / 3600 for time in (span.open_by_day, span.open_by_night))
    yield Finding(
        id="quiet-times-long",
        subject="limits",
        severity="error",
        text=f"quiet_hours and quiet_days leave {by_day:.1f} hours of a week between 8:00 and 20:00 for mail, and "
        f"{by_night:.1f} at night; it waits for up to {format_duration(span.longest_wait)}",
        fix="limits.quiet_hours are the hours without mail, "
        f"{limits.quiet_hours} now: write them the other way round, such as 20:00-08:00"
        if is_nocturnal
        else "shorten limits.quiet_hours, or remove days from limits.quiet_days",
    )


def judge_first_days(triggers: Iterable[Trigger], start: datetime) -> Iterator[Finding]:
    """Every trigger begins to fire within a time that somebody plans ahead."""
    for trigger in triggers:
        if trigger.active_from is not None and trigger.active_from - start.date() > MAX_START_WAIT:
            days = (trigger.active_from - start.date()).days
            yield Finding(
                id="trigger-never-fires",
                subject=trigger.label,
                severity="error",
                text=f"trigger {trigger.label!r} fires only from {trigger.active_from} on, in {days} days",
                fix="correct the year of its active_from, or remove it",
            )


def judge_recipients(settings: Settings, players: Iterable[Player]) -> Iterator[Finding]:
    """Customers get mail: in live mode no list of allowed recipients excludes the people of a trigger."""
    allowed = settings.core.recipient_allow_list
    if settings.core.mode != "live" or not allowed:
        return
    excluded = {player.trigger.label for player in players if not is_on_allow_list(player.email, allowed)}
    if excluded:
        yield Finding(
            id="recipients-limited",
            subject="core.recipient_allow_list",
            severity="error",
            text=f"core.recipient_allow_list lets mail go only to {', '.join(allowed)}: other customers of "
            f"{_quoted(sorted(excluded))} are not surveyed",
            fix='remove core.recipient_allow_list, or set core.mode = "shadow"',
        )


def judge_filters(cast: Cast, explained: Collection[str]) -> Iterator[Finding]:
    """Every filter accepts some event.

    Args:
        cast: the people, with the triggers for which there are none.
        explained: triggers whose filters name values that the account does not have: that is the cause.
    """
    for label, compiled in cast.impossible.items():
        if label in explained:
            continue
        yield Finding(
            id="trigger-never-fires",
            subject=label,
            severity="error",
            text=f"trigger {label!r} can never fire: no event passes its filter ({compiled.text})",
            fix="its conditions contradict each other",
        )


def judge_account_values(
    triggers: Iterable[Trigger], filters: Mapping[str, Filter], snapshots: Mapping[str, AccountSnapshot]
) -> Iterator[Finding]:
    """Filters compare fields only with values that the account, or any address, has."""
    for trigger in triggers:
        compiled = filters.get(trigger.label)
        if compiled is None:
            continue
        for domain in sorted(map(str, compiled.compared_values.get(EMAIL_DOMAIN_FIELD, ()))):
            if domain != domain.lower():
                yield Finding(
                    id="name-unknown",
                    subject=trigger.label,
                    severity="error",
                    text=f"trigger {trigger.label!r}: its filter compares {EMAIL_DOMAIN_FIELD} with {domain!r}, which "
                    "no address has: it is in lower case",
                    fix=f"write {domain.lower()!r}",
                )
        for name, options in field_options(trigger, snapshots).items():
            for value in sorted(map(str, compiled.compared_values.get(name, ()))):
                if value in options.options:
                    continue
                near = nearest_name(value, list(options.options))
                yield Finding(
                    id="name-unknown",
                    subject=trigger.label,
                    severity="error",
                    text=f"trigger {trigger.label!r}: its filter compares {name} with {value!r}, which the account of "
                    f"{trigger.source} does not have",
                    fix=f"write {near!r}" if near else f"it has {_listed(options)}",
                )


def judge_locations(ctx: Context, snapshots: Mapping[str, AccountSnapshot]) -> Iterator[Finding]:
    """The field by which a review platform chooses a location exists at a source of its reviews.

    Sources without a snapshot may have any field.
    """
    for platform in dict.fromkeys(route.via for route in ctx.settings.routes if route.do == "invite_review"):
        name = location_field_name(ctx, platform)
        triggers = [trigger for trigger in ctx.settings.triggers if trigger.source in snapshots]
        if name is None or not triggers or len(triggers) < len(ctx.settings.triggers):
            continue
        fields = {field for trigger in triggers for field in _location_candidates(ctx, trigger, snapshots)}
        if name in fields:
            continue
        key, near = location_field_key(ctx, platform), nearest_name(name, sorted(fields))
        sources = ", ".join(dict.fromkeys(trigger.source for trigger in triggers))
        yield Finding(
            id="location-unknown",
            subject=platform,
            severity="error",
            text=f"{key} names {name!r}, which neither the events nor the contacts of {sources} have: no review "
            "invitation finds its location",
            fix=f"write {near!r}" if near else f"set {key} to a field of the account, by its internal name",
        )


def _location_candidates(ctx: Context, trigger: Trigger, snapshots: Mapping[str, AccountSnapshot]) -> set[str]:
    """Return the fields of a trigger's events and of their contacts."""
    snapshot = snapshots[trigger.source]
    kind = next((kind for kind in ctx.connector_info(trigger.source).events if kind.name == trigger.on), None)
    candidates = {*snapshot.fields.get("contact", {}), *(kind.fields if kind is not None else ())}
    if kind is not None and kind.open_fields:
        candidates |= set(snapshot.fields.get(trigger.on.partition(".")[0], {}))
    return candidates


def field_options(trigger: Trigger, snapshots: Mapping[str, AccountSnapshot]) -> dict[str, VendorField]:
    """Return the fields of a trigger's event that have a closed list of values, by name."""
    noun = "contact" if isinstance(trigger, ScheduleTrigger) else trigger.on.partition(".")[0]
    snapshot = snapshots.get(trigger.source)
    fields = snapshot.fields.get(noun, {}) if snapshot is not None else {}
    return {name: vendor_field for name, vendor_field in fields.items() if vendor_field.options}


def _listed(vendor_field: VendorField) -> str:
    values = [f"{value} ({label})" if label != value else value for value, label in vendor_field.options.items()]
    more = f" and {len(values) - MAX_LISTED} more" if len(values) > MAX_LISTED else ""
    return ", ".join(values[:MAX_LISTED]) + more


def untested_surveys(settings: Settings) -> Sequence[str]:
    """Return the surveys that no trigger and no solved case leads to."""
    used = {trigger.survey for trigger in settings.all_triggers} | {settings.recovery.survey}
    return [name for name in settings.surveys if name not in used]
