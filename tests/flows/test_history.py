"""Answers from another tool: they stand in the ledger like our own, and lead to nothing unless they are told to."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from support.house import House

from nps_connect.flows.contacts.people import suppress as silence
from nps_connect.flows.importing.answers import BadCell, FileAnswer, Reading, find_order, read_answers
from nps_connect.flows.importing.effects import carry_out, foresee, narrowed
from nps_connect.flows.importing.history import History, Stored, store
from nps_connect.flows.importing.people import FilePerson
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.flows.responding.exporting import Wanted, export
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.subjects import mailbox, mailbox_hash
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow, RevisionRow
from nps_connect.rules.importing.columns import ANSWERS, find_columns
from nps_connect.rules.importing.faults import Faults, FileRefused
from nps_connect.rules.importing.table import Row

LONG_AGO = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = ("id", "email", "score", "comment", "date")


def answer(number, email="zoe@example.com", score=9, at=LONG_AGO, comment=None, language=None):
    person = FilePerson(number + 1, email, None, "Zoé", language)
    return FileAnswer(f"i-{number:024x}", person, score, comment, at, False, None)


def history_of(house, connection="crm"):
    return History("after-purchase", connection, house.ctx.has(connection, "nps_find_contacts"))


def stored_of(house, answers, connection="crm"):
    stored, faults = Stored(), Faults()
    store(house.ctx, history_of(house, connection), answers, stored, faults)
    return stored.told(), faults


def rows_of(house, table):
    with house.ledger.read() as session:
        return session.execute(select(table).order_by(table.id)).scalars().all()


def reading_of(house, *, order=None, header=HEADER):
    return Reading(
        columns=find_columns(header, ANSWERS, {}, {}),
        tool="plain",
        survey="after-purchase",
        order=order,
        zone=house.ctx.settings.core.zone,
        now=house.clock(),
        by_id=True,
    )


def test_an_answer_stands_in_the_ledger_with_its_own_date_and_leads_to_nothing(house):
    house.crm.knows("1", "zoe@example.com", language="en")
    told, faults = stored_of(house, [answer(1, score=2, comment="Trop lent")])
    assert (told["new"], faults.total) == (1, 0)
    [response], [invitation], [revision] = (rows_of(house, t) for t in (ResponseRow, InvitationRow, RevisionRow))
    assert (response.score, response.comment, response.answered_at) == (2, "Trop lent", LONG_AGO)
    assert (response.revision, response.language, response.touchpoint) == (1, "en", "after-purchase")
    assert (invitation.state, invitation.sent_at, revision.at, revision.sent) == ("imported", LONG_AGO, LONG_AGO, True)
    house.run()
    house.clock.forward("2d")
    house.run()
    assert house.deliveries() == []
    assert house.post.items == house.desk.items == house.bell.items == []


def test_the_same_answer_again_adds_nothing(house):
    house.crm.knows("1", "zoe@example.com")
    answers = [answer(number, at=LONG_AGO + timedelta(days=number)) for number in range(5)]
    assert stored_of(house, answers[:3])[0]["new"] == 3
    told, _ = stored_of(house, answers)
    assert (told["new"], told["known"]) == (2, 3)
    assert len(rows_of(house, ResponseRow)) == len(rows_of(house, InvitationRow)) == 5


def test_people_are_those_of_the_crm_and_strangers_are_kept_under_the_channel(house):
    house.crm.knows("1", "zoe@example.com")
    told, _ = stored_of(house, [answer(1), answer(2, "paul@example.com")])
    assert told["strangers"] == 1
    known = {row.email: row.connection for row in rows_of(house, ContactRow)}
    assert known == {"zoe@example.com": "crm", "paul@example.com": "mail"}


def test_an_address_of_several_people_is_nobodys(house):
    house.crm.knows("1", "zoe@example.com")
    house.crm.knows("2", "zoe@example.com")
    told, faults = stored_of(house, [answer(1)])
    assert (told["new"], dict(faults.counts)) == (0, {"several_contacts": 1})
    assert faults.first[0].line == 2


def test_of_an_erased_person_nothing_is_stored_again(house):
    with house.ledger.write() as session:
        silence(session, mailbox(mailbox_hash("zoe@example.com")), "erased", source="vendor", now=house.clock())
    for connection in ("crm", "mail"):
        told, faults = stored_of(house, [answer(1)], connection)
        assert (told["new"], dict(faults.counts)) == (0, {"erased": 1})
    assert rows_of(house, ContactRow) == []
    assert len(rows_of(house, SuppressionRow)) == 1


def test_comments_older_than_comments_are_kept_are_not_taken(house):
    house.crm.knows("1", "zoe@example.com")
    told, _ = stored_of(house, [answer(1, at=LONG_AGO - timedelta(days=900), comment="Vieux")])
    assert (told["new"], told["silenced"]) == (1, 1)
    assert rows_of(house, ResponseRow)[0].comment is rows_of(house, RevisionRow)[0].comment is None


def test_whoever_another_tool_has_just_asked_is_not_asked_at_once(house):
    house.crm.knows("1", "zoe@example.com")
    told, _ = stored_of(house, [answer(1, at=house.clock() - timedelta(days=10))])
    assert told["resting"] == 1
    house.webhook(house.won("1"))
    house.run()
    assert house.deliveries("send_survey") == []
    house.clock.forward("81d")
    house.webhook(house.won("1", deal="another"))
    house.run()
    assert len(house.deliveries("send_survey")) == 1


def test_scores_are_written_back_only_if_told_and_only_the_newest(house):
    house.crm.knows("1", "zoe@example.com")
    house.crm.knows("2", "paul@example.com")
    answers = [
        answer(1, score=3, at=LONG_AGO),
        answer(2, score=9, at=LONG_AGO + timedelta(days=9)),
        answer(3, "paul@example.com", score=7),
    ]
    stored_of(house, answers)
    acting = narrowed(house.ctx, route=False, write_scores=True)
    assert carry_out(acting, answers) == {"write_score": 2}
    assert carry_out(acting, answers) == {}
    house.run()
    assert sorted((one.contact.id, one.response.score) for one in house.crm.items) == [("1", 9), ("2", 7)]
    assert house.desk.items == house.bell.items == house.post.items == []


def test_a_newer_answer_of_our_own_is_never_overwritten(house):
    house.answer(house.surveyed("1", "zoe@example.com"), 10)
    house.run()
    answers = [answer(1, score=1)]
    stored_of(house, answers)
    assert carry_out(narrowed(house.ctx, route=True, write_scores=True), answers) == {}


def test_answers_take_every_route_if_told(house):
    house.crm.knows("1", "zoe@example.com")
    answers = [answer(1, score=2)]
    stored_of(house, answers)
    acting = narrowed(house.ctx, route=True, write_scores=False)
    with Scratch() as scratch:
        scratch.note_answer("zoe", LONG_AGO, 2)
        foreseen = foresee(acting, history_of(house), scratch)
    done = carry_out(acting, answers)
    assert done == foreseen == {"write_score": 1, "open_ticket": 1, "send_alert": 1, "invite_review": 1}
    house.run()
    assert [draft.response.score for draft in house.desk.items] == [2]
    for again in (acting, narrowed(house.ctx, route=False, write_scores=True)):
        assert carry_out(again, answers) == {}
    house.run()
    assert len(house.desk.items) == 1


def test_shadow_lets_nothing_out(ledger, clock):
    house = House(ledger, clock, {"core": {"mode": "shadow"}})
    house.crm.knows("1", "zoe@example.com")
    answers = [answer(1, score=2)]
    stored_of(house, answers)
    carry_out(narrowed(house.ctx, route=True, write_scores=True), answers)
    house.run()
    assert {row.state for row in house.deliveries()} == {"held"}
    assert house.desk.items == house.crm.items == []


def test_cells_become_answers_or_faults_with_their_line(house):
    rows = [
        Row(2, ("1", "zoe@example.com", "9", "Bien", "2026-03-01 13:00")),
        Row(3, ("2", "zoe@example.com", "9.5", "", "2026-03-01")),
        Row(4, ("3", "", "9", "", "2026-03-01")),
        Row(5, ("4", "zoe", "9", "", "2026-03-01")),
        Row(6, ("5", "zoe@example.com", "9", "", "hier")),
        Row(7, ("6", "zoe@example.com", "9", "", "2027-03-01")),
        Row(8, ("1", "paul@example.com", "9", "", "2026-03-01")),
        Row(9, ("", "", "", "", ""), fault="a NUL byte"),
        Row(10, ("", "zoe@example.com", "8", "", "2026-03-02T00:00:00Z")),
    ]
    faults = Faults()
    with Scratch() as scratch:
        found = list(read_answers(rows, reading_of(house), scratch, faults))
        again = list(read_answers(rows, reading_of(house), scratch, Faults()))
    assert found == again
    assert [(one.line, one.score, one.zoneless) for one in found] == [(2, 9, True), (10, 8, False)]
    assert found[0].answered_at == LONG_AGO
    assert [(fault.line, fault.reason) for fault in faults.first] == [
        (3, "score"),
        (4, "no_address"),
        (5, "address"),
        (6, "date"),
        (7, "date"),
        (8, "duplicate"),
        (9, "unreadable"),
    ]
    assert faults.first[5].detail == "the same answer as on line 2"


def test_one_tools_ids_are_not_anothers(house):
    row = Row(2, ("1", "zoe@example.com", "9", "", "2026-03-01"))
    mine = reading_of(house)
    other = Reading(**{**vars(mine), "tool": "delighted"})
    assert mine.answer(row).public_id != other.answer(row).public_id
    assert len(mine.answer(row).public_id) <= 40
    with pytest.raises(BadCell, match="integer"):
        mine.answer(Row(2, ("1", "zoe@example.com", "", "", "2026-03-01")))


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["03/04/2026", "31/04/2026"], "day-first"),
        (["04/31/2026", "03/04/2026"], "month-first"),
        (["2026-04-03", "04/04/2026"], None),
    ],
)
def test_the_order_of_day_and_month_is_proved_by_the_file(house, dates, order):
    rows = [Row(number, ("", "", "", "", date)) for number, date in enumerate(dates, start=2)]
    assert find_order(rows, reading_of(house).columns) == order


@pytest.mark.parametrize(
    ("dates", "line", "sentence"),
    [(["2026-01-01", "03/04/2026"], 3, "one of two days"), (["31/01/2026", "01/31/2026"], 3, "another order")],
)
def test_or_the_operator_is_asked(house, dates, line, sentence):
    rows = [Row(number, ("", "", "", "", date)) for number, date in enumerate(dates, start=2)]
    with pytest.raises(FileRefused, match=sentence) as refused:
        find_order(rows, reading_of(house).columns)
    assert refused.value.line == line
    assert "--dates" in refused.value.fix


def test_an_export_is_every_confirmed_answer_oldest_first_whatever_the_page(house):
    house.answer(house.surveyed("1", "zoe@example.com"), 10, "Bien")
    house.show(house.surveyed("2", "paul@example.com"), house.visit(score=3))
    answers = [answer(n, score=n, at=LONG_AGO + timedelta(days=n // 2)) for n in range(7)]
    stored_of(house, answers)
    for page in (2, 3, 1000):
        rows = list(export(house.ledger, Wanted(), house.ctx.settings.core.zone, page=page))
        assert [row["score"] for row in rows] == [0, 1, 2, 3, 4, 5, 6, 10]
    assert [row["origin"] for row in rows] == ["imported"] * 7 + ["survey"]
    assert (rows[-1]["contact"], rows[-1]["email"], rows[-1]["segment"]) == ("crm:1", "zoe@example.com", "promoter")
    since = Wanted(since=LONG_AGO + timedelta(days=1), until=LONG_AGO + timedelta(days=3), scores=(0, 4))
    assert [row["score"] for row in export(house.ledger, since, UTC)] == [2, 3, 4]
    assert list(export(house.ledger, Wanted(survey="another"), UTC)) == []
