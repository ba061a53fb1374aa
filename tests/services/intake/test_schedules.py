"""Recurring surveys: populations, the first run, holds, the cooldown, and what the ledger records of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import Contact, ContactPage, Event, ListedContact, Rejected, RetryLater, hookimpl
from nps_connect.ledger import cooldowns, pauses
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, EventRow, InvitationRow
from nps_connect.ledger.workers import JobRow
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.intake.schedule_state import ScheduleStatus, load_schedules, release_schedule
from nps_connect.services.intake.store_events import store_events
from nps_connect.services.operations.ledger_findings import load_findings
from nps_connect.services.suppressions.store import suppress

PERIOD_START = datetime(2027, 1, 1, 3, tzinfo=UTC)
RECURRING = {"channel": "mail", "every": "3 months", "population": {"from": "crm"}}
FAST = {"cooldown": "30d", "surveys_per_day": 10_000}


class ListingCrm(FakeCrm):
    """A CRM that lists its contacts, three a page.

    Attributes:
        created_at: of every contact.
        failures: what the next pages raise.
        fields_asked: fields of the last page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.created_at: datetime | None = None
        self.failures: list[Exception | None] = []
        self.fields_asked: list[str] = []

    @hookimpl
    def nps_list_contacts(self, connection, cursor, fields):
        error = self.failures.pop(0) if self.failures else None
        if error is not None:
            raise error
        self.fields_asked = list(fields)
        start, people = int(cursor or 0), list(self.people.values())
        listed = [ListedContact(contact=contact, created_at=self.created_at) for contact in people[start : start + 3]]
        following = str(start + 3) if start + 3 < len(people) else None
        return ContactPage(contacts=tuple(listed), cursor=following)


def build(ledger, clock, *, crm: FakeCrm | None = None, survey: dict[str, Any] | None = None, **change: Any):
    clock.now = PERIOD_START
    surveys = {"relationship": {**RECURRING, **(survey or {})}}
    merged = {"surveys": surveys, "limits": FAST, **change}
    application = ApplicationHarness(ledger, clock, merged, **({"acme": crm} if crm else {}))
    application.crm = crm or application.crm
    return application


def status(application) -> ScheduleStatus:
    with application.ledger.read() as session:
        return next(load_schedules(session, application.ctx.settings))


def confirm(application) -> None:
    with application.ledger.write() as session:
        [schedule] = load_schedules(session, application.ctx.settings)
        release_schedule(session, schedule, application.clock())
    run(application)


def store(application, *contacts: Contact) -> None:
    """Store contacts that the CRM knows too: it is asked before every mail."""
    application.crm.people |= {contact.id: contact for contact in contacts}
    with application.ledger.write() as session:
        upsert_contacts(session, contacts, application.clock())


def people(number: int, **fields: Any) -> list[Contact]:
    return [
        Contact(connection="crm", id=str(index), email=f"person-{index}@example.com", **fields)
        for index in range(number)
    ]


def run(application) -> None:
    """Do the work of schedules; other jobs would take most of the time of a year."""
    for queue in ("crm/poll", "crm/decide", "mail/send_survey", "mail/send_fallback"):
        application.run(only=queue)


def pass_days(application, days: int) -> None:
    for _ in range(days):
        application.clock.forward("1d")
        run(application)


def mails(application) -> list[str]:
    return [message.to.email for message in application.post.items if message.kind == "survey"]


def decisions(application) -> list[tuple[str, str]]:
    with application.ledger.read() as session:
        query = select(DecisionRow.verdict, DecisionRow.reason).order_by(DecisionRow.id)
        return [tuple(row) for row in session.execute(query)]


def finding_ids(application) -> list[str]:
    with application.ledger.read() as session:
        found = load_findings(session, application.ctx.settings, application.clock())
    unrelated = "worker-missing", "webhook-silence"
    return [finding.id for finding in found if finding.severity != "ok" and finding.id not in unrelated]


def test_first_run_counts_and_sends_nothing_until_an_operator_releases_it(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(30))
    run(application)
    pass_days(application, 20)
    assert (status(application).people, status(application).state.held) == (30, "first_run")
    assert sum(status(application).days_from(clock().date()).values()) > 5
    assert mails(application) == decisions(application) == []
    assert "people-held" in finding_ids(application)
    confirm(application)
    pass_days(application, 69)
    assert sorted(mails(application)) == sorted(contact.email for contact in people(30))
    assert finding_ids(application) == []
    with application.ledger.read() as session:
        detail = session.execute(select(DecisionRow.detail).limit(1)).scalar_one()
        rows = session.execute(select(EventRow.source, EventRow.kind, EventRow.key)).all()
    assert "surveys.relationship asks every 3 months, the slot of this contact is 2027-" in detail
    assert {(source, kind) for source, kind, _ in rows} == {("schedule", "schedule.due")}
    assert all(key.startswith("schedule:relationship:3-months:") for _, _, key in rows)


def test_people_who_were_imported_without_a_crm_are_asked_through_their_channel(ledger, clock):
    application = build(ledger, clock, survey={"population": {"from": "mail"}})
    person = Contact(connection="mail", id="mailbox-1", email="imported@example.com")
    with ledger.write() as session:
        upsert_contacts(session, [person], clock())
    application.run(only="mail/poll")
    confirm(application)
    for _ in range(92):
        application.clock.forward("1d")
        for queue in ("mail/poll", "mail/decide", "mail/send_survey"):
            application.run(only=queue)
    assert mails(application) == ["imported@example.com"]


def test_population_is_listed_page_by_page_and_filtered(ledger, clock):
    crm = ListingCrm()
    application = build(
        ledger, clock, crm=crm, survey={"every": "40d", "population": {"from": "crm", "where": 'stage == "customer"'}}
    )
    for index in range(10):
        crm.knows(str(index), f"p{index}@example.com", fields={"stage": "customer" if index % 2 else "lead"})
    crm.knows("gone", "gone@example.com", deleted=True, fields={"stage": "customer"})
    run(application)
    assert (status(application).people, crm.fields_asked) == (5, ["stage"])
    confirm(application)
    pass_days(application, 41)
    assert sorted(set(mails(application))) == [f"p{index}@example.com" for index in (1, 3, 5, 7, 9)]


def test_page_that_fails_is_read_again_and_a_lost_cursor_restarts_the_list(ledger, clock):
    crm = ListingCrm()
    application = build(ledger, clock, crm=crm)
    for index in range(7):
        crm.knows(str(index), f"p{index}@example.com")
    crm.failures = [None, RetryLater("down"), None, Rejected("no such cursor")]
    run(application)
    assert status(application).failure is not None
    assert "connection-failing" in finding_ids(application)
    pass_days(application, 2)
    assert (status(application).people, status(application).failure) == (7, None)


def test_empty_and_doubled_populations_are_held(ledger, clock):
    crm = ListingCrm()
    application = build(ledger, clock, crm=crm, limits={**FAST, "unusual": 5})
    crm.people = {contact.id: contact for contact in people(6)}
    run(application)
    confirm(application)
    known, crm.people = crm.people, {}
    pass_days(application, 1)
    assert status(application).state.held == "empty"
    notices = [row.options["problem"] for row in application.deliveries("send_fallback")]
    assert ["personnes concernées\u00a0: 6" in notices[0], "personnes concernées\u00a0: 0" in notices[1]] == [
        True,
        True,
    ]
    assert "surveys upcoming relationship" in notices[1]
    assert "population-empty" in finding_ids(application)
    crm.people = known
    pass_days(application, 2)
    confirm(application)
    crm.people = {contact.id: contact for contact in people(20)}
    before = len(decisions(application))
    pass_days(application, 10)
    assert (status(application).state.held, status(application).people) == ("unusual", 20)
    assert len(decisions(application)) == before


def test_slot_blocked_by_the_cooldown_moves_to_its_end_within_the_period(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(12))
    run(application)
    confirm(application)
    with application.ledger.write() as session:
        for contact_id in session.execute(select(ContactRow.id)).scalars():
            cooldowns.extend(session, f"c:{contact_id}", invitation_id=0, until=datetime(2027, 3, 1, tzinfo=UTC))
    pass_days(application, 40)
    assert mails(application) == []
    assert set(decisions(application)) == {("deferred", "cooldown")}
    pass_days(application, 55)
    assert len(mails(application)) == 12
    assert set(decisions(application)) == {("yes", "surveyed")}


def test_cooldown_that_ends_after_the_period_is_a_recorded_refusal(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(8))
    run(application)
    confirm(application)
    with application.ledger.write() as session:
        for contact_id in session.execute(select(ContactRow.id)).scalars():
            cooldowns.extend(session, f"c:{contact_id}", invitation_id=0, until=datetime(2027, 4, 20, tzinfo=UTC))
    pass_days(application, 91)
    assert decisions(application) == [("no", "cooldown")] * 8
    with application.ledger.read() as session:
        detail = session.execute(select(DecisionRow.detail).limit(1)).scalar_one()
    assert "after the end of this period on 2027-04-01; the next slot is in the next period" in detail


def test_opted_out_suppressed_and_erased_people_are_not_asked(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(3), Contact(connection="crm", id="out", email="out@example.com", opted_out=True))
    with application.ledger.write() as session:
        ids = dict(session.execute(select(ContactRow.vendor_id, ContactRow.id)).all())
        suppress(application.ctx, session, [f"c:{ids['0']}"], "objected", source="by telephone")
        erased = {"erased_at": clock(), "record": {}}
        session.execute(update(ContactRow).where(ContactRow.vendor_id == "1").values(**erased))
        session.execute(update(ContactRow).where(ContactRow.vendor_id == "2").values(merged_into=ids["0"]))
    run(application)
    confirm(application)
    pass_days(application, 95)
    assert (status(application).people, mails(application)) == (2, [])
    assert set(decisions(application)) == {("no", "suppressed"), ("no", "opted_out")}


def test_restored_database_holds_what_it_may_have_sent_and_asks_nobody_twice(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(60))
    run(application)
    confirm(application)
    pass_days(application, 3)
    before = set(mails(application))
    clock.forward("12d")
    with application.ledger.write() as session:
        reason = "restored"
        session.merge(PauseRow(scope=pauses.RESTORED_SCOPE, cause="restored", reason=reason, since=clock()))
    run(application)
    with application.ledger.read() as session:
        codes = session.execute(select(DeliveryRow.hold_code).where(col(DeliveryRow.state) == "held")).scalars().all()
    assert set(mails(application)) == before
    assert codes
    assert set(codes) == {"in_doubt"}
    assert ("no", "too_old") in decisions(application)


def test_missed_days_are_spread_and_events_are_stored_once(ledger, clock):
    application = build(ledger, clock)
    store(application, *people(60))
    run(application)
    confirm(application)
    pass_days(application, 1)
    clock.forward("20d")
    already = len(mails(application))
    run(application)
    assert len(mails(application)) == already
    with application.ledger.write() as session:
        memo = session.execute(select(JobRow.memo).where(col(JobRow.name) == "schedule:relationship")).scalar_one()
    pass_days(application, 20)
    asked = len(mails(application))
    assert asked > 15
    with application.ledger.write() as session:  # the cursor of three weeks ago, as after a crash
        values = {"memo": memo, "due_at": clock()}
        session.execute(update(JobRow).where(col(JobRow.name) == "schedule:relationship").values(**values))
    pass_days(application, 20)
    assert len(mails(application)) == len(set(mails(application))) <= 60


def test_new_contact_waits_for_the_first_delay(ledger, clock):
    crm = ListingCrm()
    application = build(ledger, clock, crm=crm, survey={"every": "40d", "first_after": "20d"})
    crm.created_at = PERIOD_START
    crm.people = {contact.id: contact for contact in people(12)}
    run(application)
    confirm(application)
    pass_days(application, 19)
    assert mails(application) == []
    pass_days(application, 62)
    assert len(set(mails(application))) == 12


def test_going_live_begins_anew(ledger, clock):
    shadow = build(ledger, clock, core={"mode": "shadow"})
    store(shadow, *people(10))
    run(shadow)
    confirm(shadow)
    pass_days(shadow, 60)
    with ledger.read() as session:
        assert session.execute(select(func.count()).where(col(InvitationRow.state) == "shadow")).scalar_one() > 3
    now = clock()
    live = build(ledger, clock)
    clock.now = now
    live.crm.people = shadow.crm.people
    run(live)
    pass_days(live, 1)
    assert status(live).state.held == "first_run"
    confirm(live)
    pass_days(live, 47)
    assert len(mails(live)) == len(set(mails(live))) == 10


@pytest.mark.parametrize("days", [40])
def test_changed_interval_keeps_half_of_it_between_two_surveys(ledger, clock, days):
    application = build(ledger, clock)
    store(application, *people(25))
    run(application)
    confirm(application)
    pass_days(application, 50)
    now = clock()
    shorter = build(ledger, clock, survey={"every": f"{days}d"})
    clock.now = now
    shorter.crm.people = application.crm.people
    pass_days(shorter, 60)
    with ledger.read() as session:
        query = select(InvitationRow.contact_id, InvitationRow.due_at).order_by(InvitationRow.due_at)
        rows = session.execute(query).all()
    last: dict[int, datetime] = {}
    for contact_id, due_at in rows:
        assert due_at - last.get(contact_id, datetime.min.replace(tzinfo=UTC)) >= timedelta(days=30)
        last[contact_id] = due_at
    assert len(rows) > 25


def test_event_of_a_schedule_leads_to_its_own_survey_and_no_source_can_make_one(ledger, clock):
    surveys = {"relationship": RECURRING, "renewal": {**RECURRING, "every": "40d"}}
    application = build(ledger, clock, surveys=surveys)
    [contact] = people(1)
    store(application, contact)
    fields = {"kind": "schedule.due", "object_id": "0", "occurred_at": clock(), "contacts": (contact,)}
    events = [Event(key=key, **fields) for key in ("schedule:renewal:40d:7:0", "schedule.due:0:1798772400000")]
    with ledger.write() as session:
        store_events(application.ctx, session, "crm", events, source="webhook")
    run(application)
    with ledger.read() as session:
        assert session.execute(select(DecisionRow.trigger)).scalars().all() == ["schedule:renewal"]
