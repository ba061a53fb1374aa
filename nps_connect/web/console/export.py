"""The responses behind a figure as a file: CSV for a spreadsheet, JSON lines for a script."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from nps_connect.ledger.audit_log import record_audit
from nps_connect.rendering.exports import iter_csv, iter_json_lines
from nps_connect.services.reports.filters import FilterQueryError
from nps_connect.services.responses.export import EXPORT_COLUMNS, export_responses
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.console_templates import CONSOLE_HEADERS
from nps_connect.web.console.filter_form import refuse_filter
from nps_connect.web.console.page_filter import RESPONSES_PATH, read_page_filter

EXPORT_PATH = "/console/export"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
LINES_PER_PIECE = 200

router = APIRouter()


@router.get(EXPORT_PATH)
def export(page: AnyUserPage) -> Response:
    """Send the responses that a filter accepts as a file, oldest first; recorded in the audit log.

    Semicolons for French spreadsheets, commas for others.
    """
    zone, extension = page.ctx.settings.core.zone, page.query.get("format", "csv")
    if extension not in MEDIA_TYPES:
        return refuse_filter(page, FilterQueryError("format: csv or jsonl"), RESPONSES_PATH)
    with page.ctx.ledger.read() as session:
        try:
            conditions = read_page_filter(page, session).responses.conditions()
        except FilterQueryError as error:
            return refuse_filter(page, error, RESPONSES_PATH)
    with page.ctx.ledger.write() as session:
        record_audit(session, page.actor, "responses export", f"responses as {extension}", now=page.now)
    rows = export_responses(page.ctx.ledger, conditions, zone)
    if extension == "jsonl":
        lines = iter_json_lines(rows)
    else:
        lines = iter_csv(rows, EXPORT_COLUMNS, delimiter="semicolon" if page.language == "fr" else "comma", excel=True)
    name = f"responses-{page.now.astimezone(zone).date().isoformat()}.{extension}"
    headers = {**CONSOLE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_join(lines), headers=headers, media_type=MEDIA_TYPES[extension])


def _join(lines: Iterator[str]) -> Iterator[bytes]:
    """Yield lines in pieces: each is sent by a thread of its own turn."""
    while piece := "".join(islice(lines, LINES_PER_PIECE)):
        yield piece.encode()
