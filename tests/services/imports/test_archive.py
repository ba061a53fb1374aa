"""An archive has the same end wherever its import was interrupted, and what it imports holds in later decisions."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import String, cast, literal, select

from benchmarks import import_archive
from nps_connect.cli._support.table_output import write_rows
from nps_connect.ledger import review_requests
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.fields import FIELDS_BY_KIND
from nps_connect.rules.imports.layouts import LAYOUTS, recognize_layout
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.sanitization import one_line, sanitize_comment
from nps_connect.services.imports.archive import ArchiveFile, build_parser, build_steps, repeated_steps
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import iter_batches, open_import_file
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.moments import MomentParser
from nps_connect.services.imports.people_index import PeopleIndex
from nps_connect.services.responses.export import EXPORT_COLUMNS, export_responses, select_responses
from nps_connect.services.suppressions.export import export_suppressions

TARGET = ImportTarget("after-purchase", "mail", lookup_enabled=False)
PEOPLE = 12


def write_archive(folder: Path, now: datetime) -> list[Path]:
    """An archive of every kind of file; half of the people were asked some days ago."""
    moment = int(now.timestamp())
    people = [
        {"id": str(n), "email": f"p{n}@example.com", "name": f"P {n}", "last_sent_at": moment - n * 86400,
         "next_survey_scheduled_at": moment + n * 86400 * 20 if n % 3 == 0 else None}
        for n in range(PEOPLE)
    ]  # fmt: skip
    responses = [
        {"id": str(100 + n), "person": str(n % PEOPLE), "survey_type": "nps", "score": n % 11, "comment": f"c{n}",
         "created_at": moment - n * 86400, "tags": ["a"], "notes": [], "additional_answers": []}
        for n in range(3 * PEOPLE)
    ]  # fmt: skip
    stopped = [{"person_id": "1", "email": "p1@example.com", "unsubscribed_at": moment}]
    bounced = [{"person_id": "2", "email": "p2@example.com", "bounced_at": moment}]
    paths = []
    files = {"people": people, "responses": responses, "unsubscribes": stopped, "bounces": bounced}
    for name, rows in files.items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(rows), encoding="utf-8")
    return paths


def open_file(path: Path, source: str, now: datetime) -> ArchiveFile:
    file = open_import_file(path)
    layout = recognize_layout(LAYOUTS, source, file.header)
    columns = find_columns(file.header, FIELDS_BY_KIND[layout.kind], {}, layout.columns)
    return ArchiveFile(layout, file, columns, MomentParser(None, UTC, now))


def run_import(ctx, paths, source="delighted"):
    files = [open_file(path, source, ctx.clock()) for path in paths]
    with DedupStore() as dedup_store, PeopleIndex() as people:
        steps = build_steps(ctx, TARGET, files, dedup_store, people)
        for step in (*steps, *repeated_steps(steps)):
            for batch in iter_batches(step.read(RowErrors(), lambda _done, _total: None), 5):
                step.store(batch, Counter(), RowErrors())


def snapshot(application):
    """What the ledger holds, without row numbers."""
    queries = (
        select(ContactRow.connection, ContactRow.vendor_id, ContactRow.email),
        select(InvitationRow.public_id, InvitationRow.trigger, InvitationRow.sent_at, InvitationRow.state),
        select(ResponseRow.public_id, ResponseRow.score, ResponseRow.comment, ResponseRow.answered_at),
        select(CooldownRow.subject, CooldownRow.until).where(CooldownRow.subject.like("m:%")),
        select(ContactRow.vendor_id, SuppressionRow.reason, SuppressionRow.subject.like("m:%")).where(
            (SuppressionRow.subject == literal("c:") + cast(ContactRow.id, String))
            | (SuppressionRow.subject == literal("m:") + ContactRow.mailbox)
        ),
    )
    with application.ledger.read() as session:
        return [sorted(map(tuple, session.execute(query).all())) for query in queries]


def test_an_interrupted_import_has_the_same_end(application, tmp_path):
    paths = write_archive(tmp_path, application.clock())
    states = []
    for calls in (1, 4, 6, 9, 13, 17, 10**9):
        remaining = calls

        def clock():
            nonlocal remaining
            remaining -= 1
            if remaining < 0:
                raise KeyboardInterrupt
            return application.clock()

        try:
            run_import(replace(application.ctx, clock=clock), paths)
        except KeyboardInterrupt:
            states.append(snapshot(application))
    assert len({json.dumps(state, default=str) for state in states}) > 2, "interrupted at different points"
    complete = snapshot(application)
    assert [len(rows) for rows in complete] == [PEOPLE, 4 * PEOPLE, 3 * PEOPLE, PEOPLE, 3]
    run_import(application.ctx, paths)
    assert snapshot(application) == complete
    assert application.deliveries() == []


def test_a_person_asked_by_the_other_tool_is_not_asked_again_too_early(application, tmp_path):
    run_import(application.ctx, write_archive(tmp_path, application.clock()))
    with application.ledger.read() as session:
        until = dict(map(tuple, session.execute(select(CooldownRow.subject, CooldownRow.until)).all()))
    cooldown, now = application.ctx.settings.limits.cooldown, application.clock()
    due_in_days = {
        number: max(cooldown.days - number, 20 * number if number % 3 == 0 else 0) for number in range(PEOPLE)
    }
    for number, days in due_in_days.items():
        subject = mailbox_subject(mailbox_hash(f"p{number}@example.com"))
        assert until[subject] - now <= timedelta(days=days + 1)
        assert until[subject] - now > timedelta(days=days - 1), number


def test_nobody_is_invited_twice_to_review(application, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("email,platform,sent_at\nzoe@example.com,stars,2026-01-02\nzoe@example.com,elsewhere,2026-01-02\n")
    run_import(application.ctx, [path], "plain")
    run_import(application.ctx, [path], "plain")
    with application.ledger.read() as session:
        subject = mailbox_subject(mailbox_hash("zoe@example.com"))
        stored = review_requests.load_reservations(session, [subject])
    assert sorted((entry.platform, entry.response_id) for entry in stored) == [("*", None), ("stars", None)]
    application.surveyed("1", "zoe@example.com")
    application.answer(application.token("zoe@example.com"), 10)
    application.run()
    application.clock.forward("3h")
    application.run()
    assert [row.state for row in application.deliveries("invite_review")] != ["succeeded"]


def test_own_export_is_imported_as_it_was(application, tmp_path):
    now = application.clock()
    run_import(application.ctx, write_archive(tmp_path, now))
    zone = application.ctx.settings.core.zone
    exported = list(export_responses(application.ledger, select_responses(), zone))
    path = tmp_path / "export.json"
    with path.open("w", encoding="utf-8") as stream:
        write_rows(stream, exported, EXPORT_COLUMNS, as_json=True, delimiter="comma", excel=False, raw=False)
    parser = build_parser(application.ctx, TARGET, open_file(path, "nps-connect", now))
    imported = [parser.parse(row) for row in open_file(path, "nps-connect", now).file.rows()]
    assert [(row.score, row.comment, row.answered_at, row.sent_at, row.tags, row.person.email) for row in imported] == [
        (row["score"], row["comment"], row["answered_at"], row["sent_at"], row["tags"], row["email"])
        for row in exported
    ]
    assert len(list(export_suppressions(application.ledger, zone, page=1))) == 3


TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30).map(
    lambda text: sanitize_comment(text.strip()) or "x"
)
"""Texts as they are stored."""

ROWS = st.fixed_dictionaries(
    {
        "comment": TEXTS.filter(lambda text: not text.startswith("'")),
        "score": st.integers(0, 10),
        "tags": st.lists(TEXTS.map(one_line), max_size=2, unique=True),
        "answered_at": st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),
    }
)


@pytest.fixture(scope="module")
def export_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


@settings(max_examples=60, deadline=None)
@given(row=ROWS, as_json=st.booleans(), delimiter=st.sampled_from(["comma", "semicolon", "tab"]), excel=st.booleans())
def test_an_exported_row_is_read_as_it_was(export_folder, row, as_json, delimiter, excel):
    row["answered_at"] = row["answered_at"].replace(microsecond=0)
    values = dict.fromkeys(EXPORT_COLUMNS) | {
        "id": "i-1", "survey": "after-purchase", "scale": "nps-0-10", "contact": "crm:1", "email": "zoe@example.com",
        "do_not_contact": True, "notes": [{"text": "x"}], "follow_up": [], "review_platforms": ["stars"], **row,
    }  # fmt: skip
    stream = io.StringIO(newline="")
    write_rows(stream, [values], EXPORT_COLUMNS, as_json=as_json, delimiter=delimiter, excel=excel, raw=False)
    path = export_folder / "export"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    file = open_file(path, "nps-connect", datetime(2026, 1, 1, tzinfo=UTC))
    parser = build_parser(SimpleNamespace(settings=SimpleNamespace(surveys={"after-purchase": None})), TARGET, file)
    [parsed] = [parser.parse(line) for line in file.file.rows()]
    assert (parsed.comment, parsed.score, parsed.answered_at) == (row["comment"], row["score"], row["answered_at"])
    assert (parsed.tags, parsed.review_platforms, parsed.do_not_contact) == (row["tags"], ("stars",), True)
    if not as_json:
        cells = csv.reader(
            io.StringIO(stream.getvalue()), delimiter={"comma": ",", "semicolon": ";", "tab": "\t"}[delimiter]
        )
        assert not any(cell.startswith(("=", "+", "-", "@")) for line in cells for cell in line)


def test_the_benchmark_of_an_archive_stores_all_responses():
    assert [row[:2] for row in import_archive.measure(40)] == [
        ("plan 40 responses", 40),
        ("migrate 40 responses", 40),
    ]
