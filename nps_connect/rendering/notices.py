"""Texts of notices to staff that concern no single customer. The first sentence is the mail's subject."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast
from zoneinfo import ZoneInfo

from nps_connect.errors import AuthFailed, NotAllowed, Rejected, RetryLater, TargetGone, Undeliverable
from nps_connect.records.actions import Action
from nps_connect.rendering.catalogs import SOURCE_LANGUAGE, load_translations, translator
from nps_connect.rendering.figure_texts import format_score, format_short_day, round_half_away
from nps_connect.rendering.labels import action_label, failure_label, format_datetime
from nps_connect.rules.score_alarm import ScoreDrop
from nps_connect.sanitization import one_line

_VENDOR_ERRORS = (AuthFailed, NotAllowed, Rejected, RetryLater, TargetGone, Undeliverable)
VENDOR_ERRORS = frozenset(error.kind for error in _VENDOR_ERRORS)
"""Kinds of errors whose text is what a vendor has answered."""


def render_daily_cap_reached(language: str, *, cap: int) -> str:
    """Render the notice that today's surveys are used up.

    Args:
        language: the company's own.
        cap: surveys per day.
    """
    _tongue, _ = translator(language)
    return _("Daily survey limit reached (surveys_per_day = %(cap)s): further surveys are waiting") % {"cap": cap}


def render_trigger_held(language: str, *, trigger: str) -> str:
    """Render the notice that a trigger waits for an operator.

    Args:
        language: the company's own.
        trigger: its name.
    """
    _tongue, _ = translator(language)
    text = _(
        "Trigger %(trigger)s was about to contact an unusual number of people and is on hold. To review: %(review)s. "
        "To release: %(release)s. To reject: %(refuse)s"
    )
    return text % {
        "trigger": trigger,
        "review": "nps-connect status",
        "release": f"nps-connect triggers release '{trigger}'",
        "refuse": f"nps-connect triggers refuse '{trigger}'",
    }


def render_schedule_held(language: str, *, survey: str, people: int) -> str:
    """Render the notice that a recurring survey waits for an operator.

    Args:
        language: the company's own.
        survey: its name.
        people: size of its population.
    """
    _tongue, _ = translator(language)
    text = _(
        "Recurring survey %(survey)s is on hold: nobody is asked until it is released. Size of its population: "
        "%(people)s. To review: %(review)s. To release: %(release)s"
    )
    return text % {
        "survey": survey,
        "people": people,
        "review": f"nps-connect surveys upcoming {survey}",
        "release": f"nps-connect triggers release 'schedule:{survey}'",
    }


def render_connection_paused(language: str, *, scope: str, cause: str, reason: str) -> str:
    """Render the notice that a connection or one of its queues was paused automatically.

    Args:
        language: the company's own.
        scope: ``connection:<name>`` or ``queue:<connection>/<action>``; what to resume by hand.
        cause: `auth`, `not_allowed`, `setup`, `plugin` or `bounces`. The first three end as soon as the connection
            check passes.
        reason: one sentence in English, as the vendor gave it; shown only in English notices. A plugin's is not shown
            (it names functions).
    """
    tongue, _ = translator(language)
    connection, _slash, action = scope.partition(":")[2].partition("/")
    heading = (
        _("Connection %(connection)s is paused (%(action)s).") if action else _("Connection %(connection)s is paused.")
    )
    causes = {
        "auth": failure_label("auth_failed", tongue),
        "not_allowed": (
            _("the receiver refuses webhooks") if action == "send_webhook" else failure_label("not_allowed", tongue)
        ),
        "setup": failure_label("setup_missing", tongue),
        "plugin": failure_label("plugin", tongue),
        "bounces": _("so many recipients were refused that a mistake of a mail server is likely"),
    }
    detail = one_line(reason, 500).rstrip(".") if tongue == SOURCE_LANGUAGE and cause != "plugin" else ""
    remedies = {
        "setup": (
            _("See what is missing, then create it with apply instead of plan: %(command)s"),
            f"nps-connect connections plan {connection}",
        ),
        "plugin": (_("Fix or update the plugin, then run: %(command)s"), f"nps-connect resume {scope}"),
        "bounces": (
            _("Find out whether these mailboxes exist, then confirm or undo: %(command)s"),
            f"nps-connect bounces confirm|undo {connection}",
        ),
    }
    remedy, command = remedies.get(
        cause,
        (
            _("Fix the cause; deliveries resume automatically once this command succeeds: %(command)s"),
            f"nps-connect connections check {connection}",
        ),
    )
    sentences = (
        heading % {"connection": connection, "action": action and action_label(cast("Action", action), tongue)},
        _("Cause: %(cause)s.") % {"cause": f"{causes[cause]} ({detail})" if detail else causes[cause]},
        _("Scheduled deliveries are waiting."),
        remedy % {"command": command},
    )
    return " ".join(sentences)


def render_delivery_problem(
    language: str, *, delivery_id: int, action: Action, connection: str, state: str, kind: str | None, detail: str
) -> str:
    """Render one line about a delivery that is stuck, for the mail to the fallback address.

    Args:
        language: the company's own.
        delivery_id: for the command that shows or retries it.
        action, connection: what was to be done, and where.
        state: `dead`, `held` or `pending`.
        kind: of the last error, or the hold code; None if it was not attempted.
        detail: what the vendor answered, in English; shown only in English mails. Errors of programs are not shown.
    """
    tongue, _ = translator(language)
    states = {"dead": _("failed permanently"), "held": _("on hold"), "pending": _("still waiting")}
    remedies = {
        "dead": _("Fix the cause, then run: %(command)s"),
        "held": _("To decide what to do: %(command)s"),
        "pending": _("It is tried again automatically; details: %(command)s"),
    }
    text = _("%(action)s on the connection %(connection)s: %(state)s (%(cause)s).")
    is_shown = detail and kind in VENDOR_ERRORS and tongue == SOURCE_LANGUAGE
    problem = text % {
        "action": action_label(action, tongue),
        "connection": connection,
        "state": states[state],
        "cause": one_line(detail, 300).rstrip(".") if is_shown else failure_label(kind, tongue),
    }
    verb = "retry" if state == "dead" else "show"
    return f"{problem} {remedies[state] % {'command': f'nps-connect deliveries {verb} {delivery_id}'}}"


def render_problem_late(language: str, *, title: str, owner: str, deadline: date) -> str:
    """Render the notice that the deadline of a problem has passed without a fix.

    Args:
        language: the company's own.
        title: of the problem, as staff wrote it.
        owner: who looks after it.
        deadline: the day until which it was to be fixed.
    """
    tongue, _ = translator(language)
    text = _(
        'Past its deadline: problem "%(title)s" (%(owner)s). It was due on %(day)s, and no fix has been entered yet.'
    )
    return text % {
        "title": one_line(title, 120),
        "day": format_short_day(deadline, tongue),
        "owner": one_line(owner, 200),
    }


def render_score_drop(language: str, *, team: str | None, drop: ScoreDrop) -> str:
    """Render the notice that a score has gone down.

    Args:
        language: the company's own.
        team: name of the team; None for the whole company.
        drop: what was compared.
    """
    tongue, _ = translator(language)
    ngettext = load_translations(tongue).ngettext
    points = abs(round_half_away(drop.difference.points or 0))
    heading = ngettext(
        "%(name)s: the score is down %(num)s point", "%(name)s: the score is down %(num)s points", points
    )
    weeks = ngettext(
        "In the last %(num)s week it was %(recent)s (%(responses)s responses)",
        "In the last %(num)s weeks it was %(recent)s (%(responses)s responses)",
        drop.window_weeks,
    )
    before = _("in the half year before %(earlier)s (%(responses)s responses).")
    sentences = (
        heading % {"name": one_line(team) if team else _("Whole company"), "num": points},
        ". ",
        weeks
        % {"num": drop.window_weeks, "recent": format_score(drop.recent.score), "responses": drop.recent.responses},
        ", ",
        before % {"earlier": format_score(drop.earlier.score), "responses": drop.earlier.responses},
        " ",
        _("Chance alone does that once in two years or less. Read what these customers wrote: %(command)s"),
    )
    return "".join(sentences) % {"command": "nps-connect responses list"}


def render_connection_silent(language: str, *, connection: str, since: datetime, zone: ZoneInfo) -> str:
    """Render the notice that a connection has sent no event for longer than usual.

    Args:
        language: the company's own.
        connection: its name.
        since: when its newest event was received.
        zone: the company's time zone.
    """
    tongue, _ = translator(language)
    text = _(
        "Connection %(connection)s has been silent for unusually long. Its last event came on %(moment)s; customers "
        "whose events are lost are not asked. To check it: %(command)s"
    )
    return text % {
        "connection": connection,
        "moment": format_datetime(since, zone, tongue),
        "command": f"nps-connect connections check {connection}",
    }
