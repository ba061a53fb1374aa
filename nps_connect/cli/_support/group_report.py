"""``report --by`` and ``--compare``: read the figures and print them in one of the formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support import report_formats
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.output import open_output, print_json, print_table
from nps_connect.cli._support.report_choice import ReportChoice

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.reports.filters import ResponseFilter
    from nps_connect.settings.model import Settings

STANDARD_GROUPS = ("survey", "touchpoint", "language", "collected_by", "team")


def print_group_report(
    session: Session, settings: Settings, choice: ReportChoice, response_filter: ResponseFilter, now: datetime
) -> None:
    """Print the report; without a start of the period it is the default one."""
    from nps_connect.services.reports.group_report import build_group_report

    zone = settings.core.zone
    if choice.by is not None:
        require_name(choice.by, [*STANDARD_GROUPS, *settings.core.dimensions], "dimension")
    earlier = None
    if choice.is_compared:
        response_filter, earlier = _find_periods(session, settings, response_filter, now)
    report = build_group_report(session, zone, settings.teams, response_filter, choice.by, earlier)
    if choice.as_json:
        period = {"since": response_filter.start, "until": response_filter.end, "by": choice.by}
        compared = {"earlier_since": earlier.start, "earlier_until": earlier.end} if earlier is not None else {}
        print_json({**period, **compared, **report_formats.report_json(report)})
        return
    headings = report_formats.columns(choice.by, is_compared=choice.is_compared)
    rows = [report_formats.cells(row) for row in (*report.rows, report.total)]
    remarks = report_formats.notes(report)
    if choice.output_format == "csv":
        _write(choice, report_formats.render_csv(headings, rows))
    elif choice.output_format == "md":
        _write(choice, report_formats.render_markdown(headings, rows, remarks))
    elif choice.output_format == "html":
        _write(choice, report_formats.render_html(f"NPS {settings.core.company}", headings, rows, remarks))
    else:
        print_table(headings, rows, empty="no responses")
        for remark in remarks:
            click.echo(remark)


def _write(choice: ReportChoice, text: str) -> None:
    """Write to the file, or to standard output, which takes no byte order mark."""
    if choice.output is None:
        click.echo(text, nl=False)
        return
    with open_output(choice.output) as stream:
        stream.write(text)


def _find_periods(
    session: Session, settings: Settings, response_filter: ResponseFilter, now: datetime
) -> tuple[ResponseFilter, ResponseFilter]:
    """Return the filter with the default period if it has none, and the filter for the period before."""
    from nps_connect.rules.report_period import ReportPeriod, day_start, default_period, previous_period
    from nps_connect.services.reports.counts import count_scores

    zone = settings.core.zone
    end = response_filter.end or day_start(now.astimezone(zone).date() + timedelta(days=1), zone)
    start, end_day = response_filter.start, end.astimezone(zone).date()
    if start is None:
        period = default_period(
            end_day - timedelta(days=1),
            lambda first: count_scores(session, zone, response_filter.during(first, end_day, zone)).responses,
        )
    elif end <= start:
        raise click.UsageError("--compare needs a period that ends after it starts")
    else:
        period = ReportPeriod("custom", start.astimezone(zone).date(), end_day)
        if (day_start(period.start, zone), day_start(period.end, zone)) != (start, end):
            is_before = replace(response_filter, start=start - (end - start), end=start)
            return replace(response_filter, end=end), is_before
    before = previous_period(period)
    return (
        response_filter.during(period.start, period.end, zone),
        response_filter.during(before.start, before.end, zone),
    )
