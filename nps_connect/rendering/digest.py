"""The weekly or monthly mail to staff: score and movement, whom to call, the trend, the shops, three comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from textwrap import fill
from typing import Literal
from zoneinfo import ZoneInfo

from nps_connect.rendering.catalogs import elide_company, render_template, translator
from nps_connect.rendering.colours import build_palette
from nps_connect.rendering.digest_chart import HEIGHT, WIDTH, TrendPoint, trend_scale
from nps_connect.rendering.digest_texts import DigestTexts
from nps_connect.rendering.figure_texts import format_percent, format_score, interval_text
from nps_connect.rendering.mails import RenderedText, Sender
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure
from nps_connect.rules.report_period import PeriodName
from nps_connect.sanitization import one_line

CHART_CONTENT_ID = "trend"
POINT_WIDTH = 1.5
"""Width of the score's mark in a bar, in percent."""

MAX_NAME_WIDTH = 24


@dataclass(frozen=True)
class DigestCall:
    """A customer who waits for a call.

    Attributes:
        name: None if unknown; then the address stands in its place.
        score: the score given.
        email, phone: how to reach the customer.
        location: the shop, if known.
        comment: what the customer wrote.
        due_at: when a call was promised; None without a promise.
    """

    name: str | None
    score: int
    email: str | None = None
    phone: str | None = None
    location: str | None = None
    comment: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class DigestGroup:
    """One shop beside the others.

    Attributes:
        name: as people call it.
        figure: its score.
        verdict: `above` or `below` the others by more than chance explains; else `within`.
    """

    name: str
    figure: NpsFigure
    verdict: Literal["above", "below", "within"] = "within"


@dataclass(frozen=True)
class DigestComment:
    """A comment with its score."""

    score: int
    text: str
    at: datetime
    location: str | None = None


@dataclass(frozen=True)
class DigestTrend:
    """The score over time, in buckets that each hold enough responses.

    Attributes:
        first_day, last_day: of all buckets.
        points: oldest first.
    """

    first_day: date
    last_day: date
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True)
class DigestContent:
    """What a digest says.

    Attributes:
        every: `week` or `month`.
        team: name of the team that it is about; None for the whole company.
        first_day, last_day: the week or month.
        responses: confirmed responses in it.
        invited: surveys sent in it; None if that is not known for the team.
        period: over how long the score is counted.
        figure: the score of that period.
        earlier: the score of the same time before; None if there is none.
        movement: between the two.
        trend: None with too few responses for two buckets.
        calls: the most urgent customers to call.
        calls_total: how many wait.
        groups: the shops, by name; empty if there are fewer than two to show.
        comments: at most three.
        at: the present moment.
    """

    every: Literal["week", "month"]
    team: str | None
    first_day: date
    last_day: date
    responses: int
    invited: int | None
    period: PeriodName
    figure: NpsFigure
    earlier: NpsFigure | None
    movement: Difference | None
    trend: DigestTrend | None
    calls: Sequence[DigestCall]
    calls_total: int
    groups: Sequence[DigestGroup]
    comments: Sequence[DigestComment]
    at: datetime


def render_digest(
    content: DigestContent, *, language: str, sender: Sender, zone: ZoneInfo, console_url: str, leave_url: str
) -> RenderedText:
    """Render a digest.

    Args:
        content: what it says.
        language: of the mail.
        sender: the company.
        zone: the company's time zone.
        console_url: its one link to the console.
        leave_url: the page on which the recipient leaves it.
    """
    tongue, _ = translator(language)
    company = one_line(sender.company)
    texts = DigestTexts(content, tongue, company, zone)
    trend, figure = content.trend, content.figure
    segments = (
        ("promoter", "#0f766e", figure.promoters),
        ("passive", "#9aa7b5", figure.passives),
        ("detractor", "#b8431f", figure.detractors),
    )
    values = {
        "content": content,
        "texts": texts,
        "subject": texts.subject,
        "company": company,
        "colours": build_palette(sender.colour),
        "logo": sender.logo,
        "console_url": console_url,
        "leave_url": leave_url,
        "chart": {"id": CHART_CONTENT_ID, "width": WIDTH, "height": HEIGHT},
        "scale": trend_scale(trend.points) if trend is not None else None,
        "segments": segments,
        "segment_names": {name: texts.segment_count(name, count) for name, _, count in segments},
        "interval": interval_text(tongue, figure),
        "groups": [(group, _bar(group.figure)) for group in content.groups],
        "group_line": partial(_group_line, texts, max((len(group.name) for group in content.groups), default=0)),
        "score_text": format_score,
        "percent": partial(format_percent, language=tongue),
        "wrap": _wrap,
        "postal_lines": list(filter(None, map(str.strip, (sender.postal_address or "").splitlines()))),
    }
    text = render_template("digest.txt.j2", tongue, **values).strip() + "\n"
    html = render_template("digest.html.j2", tongue, **values)
    return RenderedText(
        subject=one_line(texts.subject, 250),
        text=elide_company(text, company, tongue),
        html=elide_company(html, company, tongue),
        language=tongue,
    )


def _bar(figure: NpsFigure) -> list[tuple[str, float]]:
    """Return the cells of a bar from -100 to +100, each with its class and its width in percent; none if too small."""
    if figure.too_small or figure.low is None or figure.high is None or figure.score is None:
        return []
    point = min(max((figure.score + 100) / 2 - POINT_WIDTH / 2, 0), 100 - POINT_WIDTH)
    low, high = min((figure.low + 100) / 2, point), max((figure.high + 100) / 2, point + POINT_WIDTH)
    cells = [
        ("", low), ("reach", point - low), ("point", POINT_WIDTH), ("reach", high - point - POINT_WIDTH),
        ("", 100 - high),
    ]  # fmt: skip
    return [(kind, width) for kind, width in cells if width > 0]


def _group_line(texts: DigestTexts, width: int, group: DigestGroup) -> str:
    """Return a shop as a line of the plain text, with its columns aligned."""
    name = one_line(group.name).ljust(min(width, MAX_NAME_WIDTH))
    responses = texts.count_responses(group.figure.responses)
    return f"{name}  {texts.group_score(group):>4}  ({texts.group_band(group)}; {responses})"


def _wrap(text: str, indent: int = 0, first_indent: int | None = None) -> str:
    """Return a paragraph of the plain text in lines of at most 72 columns."""
    first = indent if first_indent is None else first_indent
    return fill(
        text, 72, initial_indent=" " * first, subsequent_indent=" " * indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
