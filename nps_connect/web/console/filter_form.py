"""The form that changes what a page of figures shows, and its filter in words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session
from starlette.responses import Response

from nps_connect.ledger.response_dimensions import TEAM
from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.rendering.figure_texts import format_short_day
from nps_connect.rendering.labels import language_label, readable_name, touchpoint_label
from nps_connect.rules.dimensions import OWNER
from nps_connect.services.reports.counts import count_by_dimension
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter, restrict
from nps_connect.services.reports.group_values import load_group_values
from nps_connect.services.reports.staff_figures import load_staff_figures, protect_groups
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.page_filter import PERIOD_PARAMETER, PageFilter

MAX_OPTIONS = 200
"""Values of one dimension in the form at most: the first by name."""


@dataclass(frozen=True)
class FilterField:
    """A choice of the form.

    Attributes:
        name: of the parameter.
        label: for people.
        options: value and text of each.
        value: the chosen one.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True)
class FilterForm:
    """The form of a page.

    Attributes:
        period_text: the period in words, such as `3 months`.
        parts: the other restrictions in words.
        fields: the choices.
        start, until: the chosen days, as a browser's date field wants them; empty for a standard period.
    """

    period_text: str
    parts: tuple[str, ...]
    fields: tuple[FilterField, ...]
    start: str = ""
    until: str = ""


def build_filter_form(session: Session, shown: PageFilter) -> FilterForm:
    """Build the form with the values that occur in the responses that the viewer may see."""
    page, language = shown.page, shown.page.language
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    periods = {
        "": _("Shortest with 30 responses"),
        "4-weeks": _("4 weeks"),
        "3-months": _("3 months"),
        "12-months": _("12 months"),
    }
    is_custom = shown.period.name == "custom"
    chosen_period = "" if shown.is_default or is_custom else shown.period.name
    fields = [FilterField(PERIOD_PARAMETER, _("Period"), tuple(periods.items()), chosen_period)]
    parts = []
    query = shown.chosen.to_query(page.ctx.settings.core.zone)
    for dimension, label in list_dimensions(page, has_owners=shows_staff(session)).items():
        parameter = dimension if dimension in _PROPERTIES else f"d.{dimension}"
        value = query.get(parameter, "")
        names = _load_values(session, shown, dimension)
        if value and value not in names:
            names[value] = label_of_value(page, dimension, value)
        if len(names) > 1 or value:
            options = (("", _("All")), *names.items())
            fields.append(FilterField(parameter, label, options, value))
        if value:
            parts.append(f"{label}{_(': ')}{names[value]}")
    if shown.chosen.score is not None:
        parts.append(_("score %(score)s") % {"score": shown.chosen.score})
    if shown.chosen.has_comment is not None:
        parts.append(_("with a comment") if shown.chosen.has_comment else _("without a comment"))
    return FilterForm(
        period_text=describe_period(shown),
        parts=tuple(parts),
        fields=tuple(fields),
        start=shown.period.start.isoformat() if is_custom else "",
        until=shown.period.last_day.isoformat() if is_custom else "",
    )


_PROPERTIES = ("survey", "touchpoint", "language", "collected_by", "team", "segment")


def describe_period(shown: PageFilter) -> str:
    """Return the period in words."""
    _ = load_translations(shown.page.language, CONSOLE_DOMAIN).gettext
    names = {"4-weeks": _("Last 4 weeks"), "3-months": _("Last 3 months"), "12-months": _("Last 12 months")}
    if shown.period.name in names:
        return names[shown.period.name]
    values = {
        "first": format_short_day(shown.period.start, shown.page.language),
        "last": format_short_day(shown.period.last_day, shown.page.language),
    }
    return _("%(first)s to %(last)s") % values


def shows_staff(session: Session) -> bool:
    """Return whether figures about staff are switched on."""
    decision = load_staff_figures(session)
    return decision is not None and decision.enabled


def list_dimensions(page: ConsolePage, *, has_owners: bool = False) -> dict[str, str]:
    """Return what responses can be told apart by, with labels for people; advisers only if they may be shown."""
    _ = page.gettext
    settings = page.ctx.settings
    labels = {
        "survey": _("Survey"),
        "touchpoint": _("Occasion"),
        "segment": _("Segment"),
        "language": _("Language"),
        "collected_by": _("Collected by"),
    }
    role_labels = {"location": _("Shop"), OWNER: _("Adviser")}
    if settings.teams and page.viewer.has_role("viewer"):
        labels["team"] = _("Team")
    for name in settings.core.dimensions:
        if name == OWNER and not has_owners:
            continue
        labels[name] = role_labels.get(name) or readable_name(name).capitalize()
    return labels


def label_of_value(page: ConsolePage, dimension: str, value: str) -> str:
    """Return a value of a dimension as people know it."""
    _ = page.gettext
    if value == "":
        return _("not stated")
    if dimension == "language":
        return language_label(value, page.language)
    if dimension == "touchpoint":
        return touchpoint_label(value, page.language)
    if dimension == "survey":
        return readable_name(value)
    if dimension == "team" and (team := page.ctx.settings.teams.get(value)) is not None:
        return team.label.get(page.language) or readable_name(value)
    fixed = {
        ("collected_by", "email"): _("e-mail"),
        ("collected_by", "web"): _("survey page"),
        ("collected_by", "phone"): _("phone"),
        ("collected_by", "paper"): _("paper"),
        ("collected_by", "kiosk"): _("kiosk"),
        ("collected_by", "import"): _("another tool"),
        ("segment", "promoter"): _("promoters"),
        ("segment", "passive"): _("passives"),
        ("segment", "detractor"): _("detractors"),
    }
    return fixed.get((dimension, value)) or value


def _load_values(session: Session, shown: PageFilter, dimension: str) -> dict[str, str]:
    page = shown.page
    if dimension == "segment":
        values: list[str] = ["promoter", "passive", "detractor"]
    elif page.viewer.has_role("viewer") and dimension not in (OWNER, TEAM):
        values = load_group_values(session, dimension)[:MAX_OPTIONS]
    else:
        everything = restrict(ResponseFilter(), page.viewer)
        counts = count_by_dimension(session, page.ctx.settings.core.zone, everything, dimension)
        visible = protect_groups(session, page.ctx.settings.teams, dimension, counts).groups
        values = [value for value in visible if value][:MAX_OPTIONS]
    return {value: label_of_value(page, dimension, value) for value in values}


def refuse_filter(page: ConsolePage, error: FilterQueryError, path: str) -> Response:
    """Say which parameter of an address is invalid."""
    name = str(error).partition(":")[0].strip("'\"")[:40]
    return page.render("filter-error.html.j2", 400, area="", parameter=name, path=path)
