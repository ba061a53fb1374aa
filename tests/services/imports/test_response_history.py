"""Responses from other tools are stored like our own and trigger nothing unless requested."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow, RevisionRow
from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.fields import RESPONSE_FIELDS
from nps_connect.rules.imports.row_errors import InvalidImportFile, InvalidRow, RowErrors
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.moments import MomentParser, detect_day_order
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.response_rows import (
    ImportedResponse,
    ResponseParser,
    read_responses,
)
from nps_connect.services.imports.route_responses import estimate_actions, route_imported_responses, with_import_routes
from nps_connect.services.imports.store_responses import store_responses
from nps_connect.services.responses.export import export_responses, select_responses
from nps_connect.services.suppressions.store import suppress

LONG_AGO = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = ("id", "email", "score", "comment", "date")


def answer(number, email="zoe@example.com", score=9, at=LONG_AGO, comment=None, language=None):
    person = ImportedPerson(number + 1, email, None, "Zoé", language)
    return ImportedResponse(f"i-{number:024x}", person, score, comment, at, False, None)


def history_of(application, connection="crm"):
    return ImportTarget("after-purchase", connection, application.ctx.has(connection, "nps_find_contacts"))


def stored_of(application, answers, connection="crm"):
    totals, errors = Counter(), RowErrors()
    store_responses(application.ctx, history_of(application, connection), answers, totals, errors)
    return totals, errors


def rows_of(application, table):
    with application.ledger.read() as session:
        return session.execute(select(table).order_by(table.id)).scalars().all()


def reading_of(application, *, order=None, header=HEADER):
    return ResponseParser(
        columns=find_columns(header, RESPONSE_FIELDS, {}, {}),
        tool="plain",
        survey="after-purchase",
        moments=MomentParser(order, application.ctx.settings.core.zone, application.clock()),
        allow_ids=True,
    )


def test_response_is_stored_with_its_date_and_triggers_nothing(application):
    application.crm.knows("1", "zoe@example.com", language="en")
    totals, errors = stored_of(application, [answer(1, score=2, comment="Trop lent")])
    assert (totals["new"], errors.total) == (1, 0)
    [response], [invitation], [revision] = (rows_of(application, t) for t in (ResponseRow, InvitationRow, RevisionRow))
    assert (response.score, response.comment, response.answered_at) == (2, "Trop lent", LONG_AGO)
    assert (response.revision, response.language, response.touchpoint) == (1, "en", "after-purchase")
    assert (invitation.state, invitation.sent_at, revision.at, revision.is_final) == (
        "imported",
        LONG_AGO,
        LONG_AGO,
        True,
    )
    application.run()
    application.clock.forward("2d")
    application.run()
    assert application.deliveries() == []
    assert application.post.items == application.desk.items == application.bell.items == []


def test_duplicate_response_is_ignored(application):
    application.crm.knows("1", "zoe@example.com")
    answers = [answer(number, at=LONG_AGO + timedelta(days=number)) for number in range(5)]
    assert stored_of(application, answers[:3])[0]["new"] == 3
    totals, _ = stored_of(application, answers)
    assert (totals["new"], totals["already_imported"]) == (2, 3)
    assert len(rows_of(application, ResponseRow)) == len(rows_of(application, InvitationRow)) == 5


def test_unmatched_people_are_stored_under_the_channel(application):
    application.crm.knows("1", "zoe@example.com")
    totals, _ = stored_of(application, [answer(1), answer(2, "paul@example.com")])
    assert totals["unmatched"] == 1
    connection_by_email = {row.email: row.connection for row in rows_of(application, ContactRow)}
    assert connection_by_email == {"zoe@example.com": "crm", "paul@example.com": "mail"}


def test_address_of_several_contacts_is_refused(application):
    application.crm.knows("1", "zoe@example.com")
    application.crm.knows("2", "zoe@example.com")
    totals, errors = stored_of(application, [answer(1)])
    assert (totals["new"], dict(errors.counts)) == (0, {"several_contacts": 1})
    assert errors.samples[0].line == 2


def test_erased_person_is_not_stored_again(application):
    with application.ledger.write() as session:
        suppress(
            application.ctx,
            session,
            [mailbox_subject(mailbox_hash("zoe@example.com"))],
            "erased",
            source="vendor",
        )
    for connection in ("crm", "mail"):
        totals, errors = stored_of(application, [answer(1)], connection)
        assert (totals["new"], dict(errors.counts)) == (0, {"erased": 1})
    assert rows_of(application, ContactRow) == []
    assert len(rows_of(application, SuppressionRow)) == 1


def test_comments_beyond_retention_are_dropped(application):
    application.crm.knows("1", "zoe@example.com")
    totals, _ = stored_of(application, [answer(1, at=LONG_AGO - timedelta(days=900), comment="Vieux")])
    assert (totals["new"], totals["comments_dropped"]) == (1, 1)
    assert rows_of(application, ResponseRow)[0].comment is rows_of(application, RevisionRow)[0].comment is None


def test_recent_response_starts_a_cooldown(application):
    application.crm.knows("1", "zoe@example.com")
    totals, _ = stored_of(application, [answer(1, at=application.clock() - timedelta(days=10))])
    assert totals["in_cooldown"] == 1
    application.webhook(application.won("1"))
    application.run()
    assert application.deliveries("send_survey") == []
    application.clock.forward("81d")
    application.webhook(application.won("1", deal="another"))
    application.run()
    assert len(application.deliveries("send_survey")) == 1


def test_only_the_newest_score_is_written_back_on_request(application):
    application.crm.knows("1", "zoe@example.com")
    application.crm.knows("2", "paul@example.com")
    answers = [
        answer(1, score=3, at=LONG_AGO),
        answer(2, score=9, at=LONG_AGO + timedelta(days=9)),
        answer(3, "paul@example.com", score=7),
    ]
    stored_of(application, answers)
    acting = with_import_routes(application.ctx, route=False, write_scores=True)
    assert route_imported_responses(acting, answers) == {"write_score": 2}
    assert route_imported_responses(acting, answers) == {}
    application.run()
    assert sorted((delivery.contact.id, delivery.response.score) for delivery in application.crm.items) == [
        ("1", 9),
        ("2", 7),
    ]
    assert application.desk.items == application.bell.items == application.post.items == []


def test_newer_response_is_never_overwritten(application):
    application.answer(application.surveyed("1", "zoe@example.com"), 10)
    application.run()
    answers = [answer(1, score=1)]
    stored_of(application, answers)
    assert route_imported_responses(with_import_routes(application.ctx, route=True, write_scores=True), answers) == {}


def test_responses_take_every_route_on_request(application):
    application.crm.knows("1", "zoe@example.com")
    answers = [answer(1, score=2)]
    stored_of(application, answers)
    acting = with_import_routes(application.ctx, route=True, write_scores=False)
    with DedupStore() as dedup_store:
        dedup_store.record_score("zoe", LONG_AGO, 2)
        foreseen = estimate_actions(acting, history_of(application), dedup_store)
    done = route_imported_responses(acting, answers)
    assert done == foreseen == {"write_score": 1, "open_ticket": 1, "send_alert": 1, "invite_review": 1}
    application.run()
    assert [draft.response.score for draft in application.desk.items] == [2]
    for route_ctx in (acting, with_import_routes(application.ctx, route=False, write_scores=True)):
        assert route_imported_responses(route_ctx, answers) == {}
    application.run()
    assert len(application.desk.items) == 1


def test_shadow_mode_sends_nothing(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    application.crm.knows("1", "zoe@example.com")
    answers = [answer(1, score=2)]
    stored_of(application, answers)
    route_imported_responses(with_import_routes(application.ctx, route=True, write_scores=True), answers)
    application.run()
    assert {row.state for row in application.deliveries()} == {"held"}
    assert application.desk.items == application.crm.items == []


def test_rows_become_responses_or_errors_with_their_line(application):
    rows = [
        CsvRow(2, ("1", "zoe@example.com", "9", "Bien", "2026-03-01 13:00")),
        CsvRow(3, ("2", "zoe@example.com", "9.5", "", "2026-03-01")),
        CsvRow(4, ("3", "", "9", "", "2026-03-01")),
        CsvRow(5, ("4", "zoe", "9", "", "2026-03-01")),
        CsvRow(6, ("5", "zoe@example.com", "9", "", "hier")),
        CsvRow(7, ("6", "zoe@example.com", "9", "", "2027-03-01")),
        CsvRow(8, ("1", "paul@example.com", "9", "", "2026-03-01")),
        CsvRow(9, ("", "", "", "", ""), error="a NUL byte"),
        CsvRow(10, ("", "zoe@example.com", "8", "", "2026-03-02T00:00:00Z")),
    ]
    errors = RowErrors()
    with DedupStore() as dedup_store:
        responses = list(read_responses(rows, reading_of(application), dedup_store, errors))
        second_reading = list(read_responses(rows, reading_of(application), dedup_store, RowErrors()))
    assert responses == second_reading
    assert [(response.line, response.score, response.zoneless) for response in responses] == [
        (2, 9, True),
        (10, 8, False),
    ]
    assert responses[0].answered_at == LONG_AGO
    assert [(error.line, error.reason) for error in errors.samples] == [
        (3, "score"),
        (4, "no_address"),
        (5, "address"),
        (6, "date"),
        (7, "date"),
        (8, "duplicate"),
        (9, "unreadable"),
    ]
    assert errors.samples[5].detail == "the same response as on line 2"


def test_public_ids_differ_by_tool(application):
    row = CsvRow(2, ("1", "zoe@example.com", "9", "", "2026-03-01"))
    parser = reading_of(application)
    other = ResponseParser(**{**vars(parser), "tool": "delighted"})
    assert parser.parse(row).public_id != other.parse(row).public_id
    assert len(parser.parse(row).public_id) <= 40
    with pytest.raises(InvalidRow, match="integer"):
        parser.parse(CsvRow(2, ("1", "zoe@example.com", "", "", "2026-03-01")))


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["03/04/2026", "31/04/2026"], "day-first"),
        (["04/31/2026", "03/04/2026"], "month-first"),
        (["2026-04-03", "04/04/2026"], None),
    ],
)
def test_day_order_is_detected(application, dates, order):
    rows = [CsvRow(number, ("", "", "", "", date)) for number, date in enumerate(dates, start=2)]
    assert detect_day_order(rows, reading_of(application).columns) == order


@pytest.mark.parametrize(
    ("dates", "line", "sentence"),
    [(["2026-01-01", "03/04/2026"], 3, "ambiguous"), (["31/01/2026", "01/31/2026"], 3, "another order")],
)
def test_ambiguous_day_order_is_refused(application, dates, line, sentence):
    rows = [CsvRow(number, ("", "", "", "", date)) for number, date in enumerate(dates, start=2)]
    with pytest.raises(InvalidImportFile, match=sentence) as refused:
        detect_day_order(rows, reading_of(application).columns)
    assert refused.value.line == line
    assert "--dates" in refused.value.fix


def test_export_has_every_confirmed_response_in_order_for_any_page_size(application):
    application.answer(application.surveyed("1", "zoe@example.com"), 10, "Bien")
    application.show(application.surveyed("2", "paul@example.com"), application.visit(score=3))
    answers = [answer(n, score=n, at=LONG_AGO + timedelta(days=n // 2)) for n in range(7)]
    stored_of(application, answers)
    for page in (2, 3, 1000):
        rows = list(
            export_responses(application.ledger, select_responses(), application.ctx.settings.core.zone, page=page)
        )
        assert [row["score"] for row in rows] == [0, 1, 2, 3, 4, 5, 6, 10]
    assert [row["origin"] for row in rows] == ["imported"] * 7 + ["survey"]
    assert (rows[-1]["contact"], rows[-1]["email"], rows[-1]["segment"]) == ("crm:1", "zoe@example.com", "promoter")
    since = select_responses(since=LONG_AGO + timedelta(days=1), until=LONG_AGO + timedelta(days=3), scores=(0, 4))
    assert [row["score"] for row in export_responses(application.ledger, since, UTC)] == [2, 3, 4]
    assert list(export_responses(application.ledger, select_responses(survey="another"), UTC)) == []
