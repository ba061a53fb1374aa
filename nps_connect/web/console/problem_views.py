"""Problems as the console shows them: facts in words, the verdict, and the picture of how far the scores moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nps_connect.ledger.problems import ProblemRow
from nps_connect.rendering.chart_geometry import PlacedInterval, choose_score_axis, place_interval
from nps_connect.rendering.figure_texts import format_count, format_percent, format_score
from nps_connect.rendering.labels import readable_name, touchpoint_label
from nps_connect.rendering.problem_texts import VerdictText, cause_kind_text, verdict_text
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure
from nps_connect.rules.problem_effect import FixEffect, ScoreComparison
from nps_connect.services.problems.evaluate import Comparison, load_effect
from nps_connect.services.problems.problems import ProblemState, problem_state
from nps_connect.settings.model import Settings
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.theme_labels import theme_labels

CHART_WIDTH = 320


@dataclass(frozen=True)
class EffectRow:
    """One line of the picture: how far a score moved, with its band.

    Attributes:
        label: whose.
        before, after: the figures in words.
        moved, band: in words.
        interval: the place on the axis; None without figures.
        is_verdict: the line that is judged.
    """

    label: str
    before: str
    after: str
    moved: str
    band: str
    interval: PlacedInterval | None
    is_verdict: bool


@dataclass(frozen=True)
class EffectChart:
    """How far the scores moved, on one axis.

    Attributes:
        rows: those concerned, the others, and the difference.
        ticks: place, label and whether it is zero.
        width: of the picture.
    """

    rows: Sequence[EffectRow]
    ticks: Sequence[tuple[float, str, bool]]
    width: int = CHART_WIDTH


@dataclass(frozen=True)
class ProblemView:
    """A problem as its page shows it."""

    row: ProblemRow
    state: ProblemState
    cause: str
    concerned: Sequence[tuple[str, str]]
    verdict: VerdictText | None
    verdict_code: str | None
    chart: EffectChart | None
    before: Sequence[tuple[date, date]]


def view_problem(page: ConsolePage, row: ProblemRow) -> ProblemView:
    """Return what the page of a problem shows."""
    settings, language = page.ctx.settings, page.language
    today = page.now.astimezone(settings.core.zone).date()
    verdict, code, chart = None, None, None
    if row.evaluation is not None:
        effect, comparison = load_effect(row.evaluation)
        verdict, code = verdict_text(language, effect, comparison), effect.verdict
        chart = build_chart(page, effect, comparison)
    spans = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in row.before]
    return ProblemView(
        row=row,
        state=problem_state(row, today),
        cause=describe_cause(page, row),
        concerned=describe_concerned(settings, row.concerned, language, page.gettext),
        verdict=verdict,
        verdict_code=code,
        chart=chart,
        before=spans,
    )


def describe_cause(page: ConsolePage, row: ProblemRow) -> str:
    """Return what is judged, and for a theme or a choice which one."""
    text, theme = cause_kind_text(page.language, row.cause_kind), row.cause.get("theme", "")
    name = row.cause.get("choice") or (theme and (theme_labels(page).get(theme) or readable_name(theme)))
    return f"{text} ({name})" if name else text


def describe_concerned(
    settings: Settings, concerned: Mapping[str, str], language: str, gettext: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Return the facts about those concerned: name and value in words."""
    return [
        (fact_label(name, gettext), fact_value(settings, name, value, language)) for name, value in concerned.items()
    ]


def fact_label(name: str, gettext: Callable[[str], str]) -> str:
    """Return the name of a fact in words."""
    _ = gettext
    labels = {
        "survey": _("Survey"),
        "touchpoint": _("Moment"),
        "team": _("Team"),
        "d.location": _("Location"),
        "d.product": _("Product"),
    }
    return labels.get(name) or readable_name(name.removeprefix("d.")).capitalize()


def fact_value(settings: Settings, name: str, value: str, language: str) -> str:
    """Return the value of a fact in words."""
    if name == "touchpoint":
        return touchpoint_label(value, language)
    if name == "team" and value in settings.teams:
        return team_label(settings, value, language)
    return readable_name(value) if name == "survey" else value


def team_label(settings: Settings, team: str, language: str) -> str:
    """Return the name of a team in a language."""
    return settings.teams[team].label.get(language) or readable_name(team).capitalize()


def build_chart(page: ConsolePage, effect: FixEffect, comparison: Comparison) -> EffectChart | None:
    """Return the picture of an evaluation; None if a group has no figures."""
    _ = page.gettext
    lines: list[tuple[str, str, str, Difference | None]]
    if isinstance(comparison, ScoreComparison):
        before, after, others_before, others_after = (_figure_text(page, figure) for figure in comparison)
        lines = [
            (_("Those concerned"), before, after, effect.concerned),
            (_("The others"), others_before, others_after, effect.others),
            (_("Difference"), "", "", effect.difference),
        ]
    else:
        before = _share_text(page, comparison.named_before, comparison.before)
        after = _share_text(page, comparison.named_after, comparison.after)
        lines = [(_("Share that names it"), before, after, effect.difference)]
    differences = [line[3] for line in lines if line[3] is not None and line[3].points is not None]
    ends = [end for item in differences for end in (item.low, item.high, 0.0) if end is not None]
    if not ends:
        return None
    axis = choose_score_axis(ends)
    rows = [_row(*line, axis, is_verdict=line is lines[-1]) for line in lines]
    ticks = [
        (place_interval(tick, tick, tick, axis, width=CHART_WIDTH).at, format_score(tick), tick == 0) for tick in axis
    ]
    return EffectChart(rows, ticks)


def _row(
    label: str, before: str, after: str, difference: Difference | None, axis: Sequence[int], *, is_verdict: bool
) -> EffectRow:
    if difference is None or difference.points is None or difference.low is None or difference.high is None:
        return EffectRow(label, before, after, "–", "–", None, is_verdict)
    ends = max(difference.low, axis[0]), min(difference.high, axis[-1])
    interval = place_interval(difference.points, *ends, axis, width=CHART_WIDTH)
    band = f"{format_score(difference.low)} … {format_score(difference.high)}"
    return EffectRow(label, before, after, format_score(difference.points), band, interval, is_verdict)


def _figure_text(page: ConsolePage, figure: NpsFigure) -> str:
    return f"{format_score(figure.score)} (n = {format_count(figure.responses, page.language)})"


def _share_text(page: ConsolePage, named: int, respondents: int) -> str:
    share = format_percent(named / respondents, page.language) if respondents else "–"
    return f"{share} (n = {format_count(respondents, page.language)})"
