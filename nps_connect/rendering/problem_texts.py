"""Problems in words: verdicts with their band, the smallest effect that could be seen, and why something is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from nps_connect.rendering.catalogs import load_translations
from nps_connect.rendering.figure_texts import format_percent, format_score, format_short_day, round_half_away
from nps_connect.rules.nps_arithmetic import MIN_RESPONSES, Difference
from nps_connect.rules.problem_effect import FixEffect, ShareComparison


class VerdictText(NamedTuple):
    """What an evaluation says: two parts of one sentence, and what else could have been seen.

    Attributes:
        lead: what stands out, such as `The fix worked:`.
        detail: the rest of the sentence, with the band.
        smallest: the smallest effect that could be seen; empty without figures.
        direction: `up` (better), `down` (worse) or `flat`.
    """

    lead: str
    detail: str
    smallest: str
    direction: str


def verdict_text(language: str, effect: FixEffect, comparison: object) -> VerdictText:
    """Return the verdict of an evaluation.

    Args:
        language: of the reader.
        effect: the verdict with its differences.
        comparison: the figures that were compared: a `ShareComparison` if the share of a cause was judged.
    """
    difference = effect.difference
    if isinstance(comparison, ShareComparison):
        return _share_verdict(language, effect, comparison)
    _ = load_translations(language).gettext
    if effect.verdict == "too_few" or difference.points is None:
        detail = _(
            "each of the two periods needs at least %(least)s answers of those concerned, and as many of the others."
        )
        values = {"least": str(MIN_RESPONSES)}
        return VerdictText(_("Too few answers to judge:"), detail % values, _smallest(language, difference), "flat")
    leads = {
        "better": _("The fix worked:"),
        "worse": _("It got worse:"),
        "no_change_seen": _("No change that chance would not explain:"),
    }
    details = {
        "better": _("the score rose by %(size)s points more than that of the others (95%% band: %(low)s to %(high)s)."),
        "worse": _("the score lost %(size)s points against that of the others (95%% band: %(low)s to %(high)s)."),
        "no_change_seen": _("%(points)s points against the others (95%% band: %(low)s to %(high)s)."),
    }
    return _assemble(language, effect, leads, details[effect.verdict] % _points(difference))


def _share_verdict(language: str, effect: FixEffect, comparison: ShareComparison) -> VerdictText:
    _ = load_translations(language).gettext
    if effect.verdict == "too_few" or effect.difference.points is None:
        detail = _("each of the two periods needs at least %(least)s answers, and several that name the cause.")
        values = {"least": str(MIN_RESPONSES)}
        lead = _("Too few answers to judge:")
        return VerdictText(lead, detail % values, _smallest(language, effect.difference), "flat")
    leads = {
        "better": _("Named less often:"),
        "worse": _("Named more often:"),
        "no_change_seen": _("No change that chance would not explain:"),
    }
    detail = _(
        "%(after)s of respondents name it, %(before)s before: %(points)s points (95%% band: %(low)s to %(high)s)."
    )
    values = {
        "after": format_percent(comparison.named_after / comparison.after, language),
        "before": format_percent(comparison.named_before / comparison.before, language),
    }
    return _assemble(language, effect, leads, detail % (values | _points(effect.difference)))


def _assemble(language: str, effect: FixEffect, leads: Mapping[str, str], detail: str) -> VerdictText:
    directions = {"better": "up", "worse": "down"}
    smallest = _smallest(language, effect.difference)
    return VerdictText(leads[effect.verdict], detail, smallest, directions.get(effect.verdict, "flat"))


def _points(difference: Difference) -> dict[str, str]:
    names = {"points": difference.points, "low": difference.low, "high": difference.high}
    size = str(abs(round_half_away(difference.points or 0)))
    return {"size": size, **{name: format_score(value) for name, value in names.items()}}


def _smallest(language: str, difference: Difference) -> str:
    if difference.smallest_visible is None:
        return ""
    _ = load_translations(language).gettext
    text = _("The smallest effect that could be seen with these answers: %(points)s points (found four times of five).")
    return text % {"points": str(round_half_away(difference.smallest_visible))}


def waiting_text(language: str, due_on: date, today: date) -> str:
    """Return the sentence about an evaluation that is not yet due."""
    _ = load_translations(language).gettext
    text = _("Not yet due. The answers are looked at once, on %(day)s, and not before.")
    return text % {"day": format_short_day(due_on, language, today=None if due_on.year != today.year else today)}


def cause_kind_text(language: str, kind: str) -> str:
    """Return what is judged: a score, or how often a cause is named."""
    _ = load_translations(language).gettext
    texts = {
        "group": _("Score of those concerned, against the others"),
        "theme": _("Share of customers whose comment names the theme"),
        "choice": _("Share of customers who choose this answer"),
    }
    return texts[kind]


def refusal_text(language: str, code: str, values: Mapping[str, str]) -> str:
    """Return why a problem cannot be opened or changed, and what to do."""
    _ = load_translations(language).gettext
    texts = {
        "no_title": _("Say in a few words what is wrong."),
        "no_owner": _("Say who looks after it."),
        "no_day": _("State every date as a day, such as 2026-01-31."),
        "past_deadline": _("The deadline has passed already; choose today or a later day."),
        "future_evidence": _("The days that led to the problem cannot begin in the future."),
        "unknown_fact": _(
            "Customers cannot be told apart by %(fact)s: use survey, touchpoint, team or a configured dimension."
        ),
        "unknown_team": _("There is no team %(team)s."),
        "invalid_fact": _("Those concerned are not stated correctly: %(detail)s."),
        "staff": _(
            "A problem cannot concern a single adviser or a team of fewer than three: say what customers went through."
        ),
        "everybody": _("Say whom it concerns, such as one location: without others there is nothing to compare with."),
        "unknown_theme": _("No comment names this theme."),
        "unknown_choice": _("No follow-up question has this choice."),
        "fix_before_opening": _("The fix lies before the days that led to the problem."),
        "far_fix": _("The fix lies more than a year ahead."),
        "fix_entered": _("The date of the fix stays: the days after it have begun, and figures may have been seen."),
        "period_length": _("Compare at least %(least)s and at most %(most)s days."),
        "texts_deleted": _(
            "Comments and answers are deleted after %(days)s days, before the evaluation: compare fewer days."
        ),
        "closed": _("The problem is closed."),
        "unknown_problem": _("There is no problem %(number)s."),
    }
    return texts[code] % values
