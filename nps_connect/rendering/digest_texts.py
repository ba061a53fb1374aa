"""The sentences of a digest."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nps_connect.records.responses import segment_of
from nps_connect.rendering.catalogs import NARROW, load_translations
from nps_connect.rendering.figure_texts import (
    earlier_period_name,
    format_score,
    format_short_day,
    movement_text,
    round_half_away,
)
from nps_connect.rendering.labels import format_day, segment_label
from nps_connect.rules.timing import local_date
from nps_connect.sanitization import one_line

if TYPE_CHECKING:
    from nps_connect.rendering.digest import DigestCall, DigestComment, DigestContent, DigestGroup

CALL_COMMENT_LENGTH = 140
COMMENT_LENGTH = 320


class DigestTexts:
    """What a digest says, in the language of its reader.

    Args:
        content: the figures, customers and comments.
        language: one of `available_languages`.
        company: the company's name.
        zone: the company's time zone.
    """

    def __init__(self, content: DigestContent, language: str, company: str, zone: ZoneInfo) -> None:
        self._content, self._language, self._company, self._zone = content, language, company, zone
        translations = load_translations(language)
        self._gettext, self._ngettext = translations.gettext, translations.ngettext
        self.movement = movement_text(
            language,
            content.figure,
            content.earlier,
            content.movement,
            earlier_period_name(language, content.period),
        )

    @property
    def subject(self) -> str:
        """One line: the score, whether it moved, how many to call."""
        content = self._content
        if content.figure.too_small:
            parts = [self.count_responses(content.figure.responses)]
        else:
            parts = [f"NPS{NARROW if self._language == 'fr' else ' '}{format_score(content.figure.score)}"]
            parts += [move] if (move := self._short_movement()) else []
        if content.calls_total:
            parts.append(self.count_calls(content.calls_total))
        text = ", ".join(parts)
        return f"{one_line(content.team)} – {text}" if content.team else text

    def _short_movement(self) -> str | None:
        _, movement = self._gettext, self._content.movement
        if movement is None or movement.too_small or movement.points is None:
            return None
        values = {"points": abs(round_half_away(movement.points))}
        if not movement.is_beyond_noise:
            return _("no clear change")
        return (_("up %(points)s") if movement.points > 0 else _("down %(points)s")) % values

    @property
    def title(self) -> str:
        """What this mail is."""
        _ = self._gettext
        return _("Week in review") if self._content.every == "week" else _("Month in review")

    @property
    def days(self) -> str:
        """The days that it is about, such as `23–29 November 2026`."""
        from babel.dates import format_interval

        first, last = self._content.first_day, self._content.last_day
        tongue = "en_GB" if self._language == "en" else self._language.replace("-", "_")
        text: str = format_interval(first, last, skeleton="yMMMMd", locale=tongue, fuzzy=True)
        return text

    @property
    def scope(self) -> str:
        """The team, or that it is the whole company."""
        _ = self._gettext
        return one_line(self._content.team) if self._content.team else _("Whole company")

    @property
    def score_heading(self) -> str:
        """What the score counts."""
        _ = self._gettext
        headings = {
            "4-weeks": _("Net Promoter Score, last 4 weeks"),
            "3-months": _("Net Promoter Score, last 3 months"),
        }
        return headings.get(self._content.period) or _("Net Promoter Score, last 12 months")

    @property
    def basis(self) -> str:
        """How many responses the score counts, and how many came in the week or month."""
        _, content = self._gettext, self._content
        values = {
            "responses": self.count_responses(content.figure.responses),
            "recent": content.responses,
            "invited": content.invited,
        }
        if content.invited is None:
            text = _("%(responses)s, %(recent)s of them in that week.")
            text = text if content.every == "week" else _("%(responses)s, %(recent)s of them in that month.")
            return text % values
        text = _("%(responses)s. In that week: %(invited)s surveys sent, %(recent)s responses.")
        if content.every == "month":
            text = _("%(responses)s. In that month: %(invited)s surveys sent, %(recent)s responses.")
        return text % values

    def count_responses(self, count: int) -> str:
        """Return a number of responses."""
        ngettext = self._ngettext
        return ngettext("%(num)s response", "%(num)s responses", count) % {"num": count}

    def count_calls(self, count: int) -> str:
        """Return a number of customers to call."""
        ngettext = self._ngettext
        return ngettext("%(num)s customer to call", "%(num)s customers to call", count) % {"num": count}

    @property
    def more_calls(self) -> str | None:
        """How many wait besides those that are shown."""
        hidden = self._content.calls_total - len(self._content.calls)
        if hidden <= 0:
            return None
        ngettext = self._ngettext
        return ngettext("and %(num)s more in the console", "and %(num)s more in the console", hidden) % {"num": hidden}

    def caller(self, call: DigestCall) -> str:
        """Return the name of a customer, else the address."""
        _ = self._gettext
        return one_line(call.name or call.email or _("Unknown customer"), 80)

    def due(self, call: DigestCall) -> str | None:
        """Return until when a call was promised."""
        if call.due_at is None:
            return None
        _, today = self._gettext, local_date(self._content.at, self._zone)
        day, local = local_date(call.due_at, self._zone), call.due_at.astimezone(self._zone)
        late = (today - day).days
        if late > 0:
            ngettext = self._ngettext
            return ngettext("%(num)s day late", "%(num)s days late", late) % {"num": late}
        if day == today:
            return _("today by %(time)s") % {"time": f"{local:%H:%M}"}
        return _("by %(day)s") % {"day": format_short_day(day, self._language)}

    def is_urgent(self, call: DigestCall) -> bool:
        """Return whether a call is due today or late."""
        return call.due_at is not None and local_date(call.due_at, self._zone) <= local_date(
            self._content.at, self._zone
        )

    def call_comment(self, call: DigestCall) -> str | None:
        """Return the beginning of what the customer wrote, in quotation marks."""
        return self.quote(call.comment, CALL_COMMENT_LENGTH) if call.comment else None

    def quote(self, text: str, length: int = COMMENT_LENGTH) -> str:
        """Return a comment in one paragraph and in the language's quotation marks, shortened at a word."""
        line = " ".join(text.split())
        if len(line) > length:
            line = f"{line[:length].rsplit(' ', 1)[0].rstrip('.,;: ')} …"
        return f"«\u00a0{line}\u00a0»" if self._language == "fr" else f"“{line}”"

    def comment_source(self, comment: DigestComment) -> str:
        """Return when and where a comment was written."""
        day = format_short_day(local_date(comment.at, self._zone), self._language)
        return f"{one_line(comment.location)}, {day}" if comment.location else day

    def segment_count(self, segment: str, count: int) -> str:
        """Return the name of a segment as it stands beside a count."""
        ngettext = self._ngettext
        return {
            "promoter": ngettext("promoter", "promoters", count),
            "passive": ngettext("passive", "passives", count),
            "detractor": ngettext("detractor", "detractors", count),
        }[segment]

    def segment(self, score: int) -> str:
        """Return the segment of a score."""
        return segment_label(segment_of(score), self._language)

    @property
    def trend_caption(self) -> str:
        """What the picture shows."""
        _ = self._gettext
        return _("The line is the score; the band is what chance alone can do.")

    @property
    def trend_description(self) -> str:
        """The picture in words, for its alternative text and for the plain text."""
        trend = self._content.trend
        if trend is None:
            return ""
        first, last = trend.points[0], trend.points[-1]
        _ = self._gettext
        text = _("From %(first)s at first to %(last)s at last; lowest %(low)s, highest %(high)s.")
        scores = [point.score for point in trend.points]
        return text % {
            "first": format_score(first.score),
            "last": format_score(last.score),
            "low": format_score(min(scores)),
            "high": format_score(max(scores)),
        }

    def day(self, day: date) -> str:
        """Return a day with its year."""
        return format_day(datetime(day.year, day.month, day.day, tzinfo=self._zone), self._language)

    @property
    def groups_verdict(self) -> str:
        """Whether the shops differ, in one sentence; never an order."""
        _, groups = self._gettext, self._content.groups
        sentences = []
        for verdict, text in (
            ("above", _("%(names)s: above the others by more than chance explains.")),
            ("below", _("%(names)s: below the others by more than chance explains.")),
        ):
            names = ", ".join(one_line(group.name) for group in groups if group.verdict == verdict)
            sentences += [text % {"names": names}] if names else []
        return " ".join(sentences) or _("The differences are within the margin of error, so there is no order here.")

    def group_score(self, group: DigestGroup) -> str:
        """Return the score of a shop, or a dash where it is too small to judge."""
        return "–" if group.figure.too_small else format_score(group.figure.score)

    def group_band(self, group: DigestGroup) -> str:
        """Return the ends of a shop's interval, or why there is none."""
        _ = self._gettext
        if group.figure.too_small:
            return _("too few to judge")
        ends = {"low": format_score(group.figure.low), "high": format_score(group.figure.high)}
        return _("%(low)s to %(high)s") % ends

    @property
    def reason(self) -> str:
        """Why the recipient gets it."""
        _, values = self._gettext, {"company": self._company, "team": self.scope}
        if self._content.team:
            return (
                _("You receive this digest of the team %(team)s because %(company)s has entered your address.") % values
            )
        return _("You receive this digest because %(company)s has entered your address.") % values
