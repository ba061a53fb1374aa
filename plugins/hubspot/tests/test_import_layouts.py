"""Feedback submissions are imported as the API lists them, and as a file with the same columns."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.fields import FIELDS_BY_KIND
from nps_connect.rules.imports.layouts import recognize_layout
from nps_connect.services.imports.archive import ArchiveFile, build_parser
from nps_connect.services.imports.import_file import open_import_file
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.moments import MomentParser
from nps_connect_hubspot.import_layouts import IMPORT_LAYOUTS

PROPERTIES = {
    "hs_content": "Very quick",
    "hs_contact_email_rollup": "zoe@example.com",
    "hs_submission_timestamp": "2026-01-31T13:05:00Z",
    "hs_survey_name": "Loyalty",
    "hs_survey_type": "NPS",
    "hs_value": "9",
}
PAGE = {"results": [{"id": "512", "properties": PROPERTIES, "archived": False}], "paging": {"next": {"after": "513"}}}
TABLE = ",".join(PROPERTIES) + "\n" + ",".join(PROPERTIES.values()) + "\n"


@pytest.mark.parametrize("text", [json.dumps(PAGE), TABLE])
def test_submissions_are_read(tmp_path, text):
    path = tmp_path / "export"
    path.write_text(text, encoding="utf-8")
    file = open_import_file(path)
    layout = recognize_layout(IMPORT_LAYOUTS, "hubspot", file.header)
    columns = find_columns(file.header, FIELDS_BY_KIND["responses"], {}, layout.columns)
    moments = MomentParser(None, None, datetime(2026, 12, 1, tzinfo=UTC))
    context = SimpleNamespace(settings=SimpleNamespace(surveys={"after-purchase": None}))
    target = ImportTarget("after-purchase", "mail", lookup_enabled=False)
    parser = build_parser(context, target, ArchiveFile(layout, file, columns, moments))
    [response] = map(parser.parse, file.rows())
    assert (response.score, response.comment, response.touchpoint) == (9, "Very quick", "Loyalty")
    assert (response.person.email, response.answered_at) == (
        "zoe@example.com",
        datetime(2026, 1, 31, 13, 5, tzinfo=UTC),
    )
