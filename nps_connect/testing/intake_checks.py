"""Intake and operation: looking people up, polling, completing, checking and setting up an account."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.records.contacts import ContactKey
from nps_connect.records.events import Event
from nps_connect.testing.contract_base import HTTP, ContractBase, needs
from nps_connect.testing.fakes import WEBHOOK_URL, received_webhook
from nps_connect.testing.harness import PluginHarness
from nps_connect.testing.samples import INES, LEA, OMAR

MAX_PAGES = 20


class IntakeChecks(ContractBase):
    """What comes in from the vendor, and what an ops engineer asks of it."""

    @needs(HTTP, "nps_find_contacts")
    def test_people_are_found_one_match_per_key_in_order(self) -> None:
        """By address, with who is missing told as nobody and an opt-out told as one."""
        bench = self.harness()
        wanted = [OMAR.email, "nobody@example.com", INES.email, LEA.email.upper(), OMAR.email]
        keys = [ContactKey(kind="email", value=email) for email in wanted]
        matches = bench.call("nps_find_contacts", keys=keys)
        assert [match.key for match in matches] == keys, "the matches are not in the order of the keys"
        assert [len(match.contacts) for match in matches] == [1, 0, 1, 1, 1]
        omar, ines, lea = (matches[number].contacts[0] for number in (0, 2, 3))
        assert (omar.email, lea.email) == (OMAR.email, LEA.email)
        assert {contact.connection for contact in (omar, ines, lea)} == {bench.connection.name}
        assert ines.opted_out, "a person who opted out at the vendor is not told as such"
        assert not omar.opted_out

    @needs(HTTP, "nps_find_contacts")
    def test_a_person_is_found_again_by_id(self) -> None:
        """The id that a look-up by address gives leads to the same person."""
        bench = self.harness()
        known = bench.contact(LEA)
        keys = [ContactKey(kind="id", value=known.id), ContactKey(kind="id", value="999999999999")]
        found, missing = bench.call("nps_find_contacts", keys=keys)
        assert [contact.id for contact in found.contacts] == [known.id]
        assert all(contact.deleted for contact in missing.contacts)

    @needs(HTTP, "nps_find_contacts")
    def test_looking_nobody_up_asks_nobody(self) -> None:
        """No keys, no requests."""
        bench = self.harness()
        bench.line.arm(None)
        assert list(bench.call("nps_find_contacts", keys=[])) == []
        assert bench.line.seen == 0

    @needs(HTTP, "nps_poll_events")
    def test_the_first_poll_never_replays_history(self) -> None:
        """It gives a cursor that starts now, and no events."""
        bench = self.harness()
        _simulate_event(bench, LEA.email)
        bench.clock.forward(timedelta(hours=1))
        page = bench.call("nps_poll_events", cursor=None)
        assert page.events == ()
        assert page.cursor

    @needs(HTTP, "nps_poll_events")
    def test_polls_find_what_happened_and_can_be_repeated(self) -> None:
        """From one cursor the same events come again, with the same keys."""
        bench = self.harness()
        cursor = bench.call("nps_poll_events", cursor=None).cursor
        bench.clock.forward(timedelta(minutes=10))
        assert _simulate_event(bench, LEA.email), "the simulated vendor lets nothing happen of the kinds declared"
        bench.clock.forward(timedelta(minutes=10))
        first, again = _poll_all(bench, cursor), _poll_all(bench, cursor)
        assert first, "the poll found nothing of what happened"
        assert {event.key for event in first} == {event.key for event in again}
        assert {event.kind for event in first} <= {kind.name for kind in bench.info.events}

    @needs(HTTP, "nps_poll_events", "nps_parse_events")
    def test_polls_and_webhooks_meet_in_one_key(self) -> None:
        """What both tell of one fact is one event."""
        bench = self.harness()
        cursor = bench.call("nps_poll_events", cursor=None).cursor
        bench.clock.forward(timedelta(minutes=10))
        facts = _simulate_event(bench, LEA.email)
        told = {event.key: event for event in _parse_webhooks(bench, facts)}
        bench.clock.forward(timedelta(minutes=10))
        polled = {event.key: event for event in _poll_all(bench, cursor)}
        common = {event.kind for event in told.values()} & {event.kind for event in polled.values()}
        assert common, "no kind of event comes both ways"
        for kind in common:
            keys = [{key for key, event in source.items() if event.kind == kind} for source in (told, polled)]
            assert keys[0] == keys[1], f"{kind} has other keys in a poll than in a webhook"

    @needs(HTTP, "nps_complete_events", "nps_parse_events")
    def test_completing_keeps_events_and_finds_their_people(self) -> None:
        """The same events in the same order, each with its contact."""
        bench = self.harness()
        events = _parse_webhooks(bench, _simulate_event(bench, LEA.email) + _simulate_event(bench, OMAR.email))
        completed = bench.call("nps_complete_events", events=events, fields=[])
        assert [event.key for event in completed] == [event.key for event in events]
        people = {contact.email for event in completed for contact in event.contacts}
        assert people == {LEA.email, OMAR.email}

    @needs(HTTP, "nps_check")
    def test_the_check_of_a_sound_account_finds_no_error(self) -> None:
        """And every finding that is not `ok` names its fix."""
        findings = self.harness().call("nps_check")
        assert findings, "a check tells at least that all is well"
        assert [finding.text for finding in findings if finding.severity == "error"] == []
        assert [finding.text for finding in findings if finding.severity != "ok" and not finding.fix] == []

    @needs(HTTP, "nps_plan_setup", "nps_apply_setup")
    def test_setting_up_twice_is_harmless(self) -> None:
        """After a set-up nothing is missing, and doing it again changes nothing."""
        bench = self.harness()
        changes = bench.call("nps_plan_setup")
        assert [change.id for change in changes if change.change != "blocked"] == [], (
            "the set-up left something missing"
        )
        assert list(bench.call("nps_apply_setup", changes=[])) == []


def _simulate_event(bench: PluginHarness, email: str) -> list[str]:
    if bench.vendor is None:
        return []
    return [fact for kind in bench.info.events for fact in bench.vendor.simulate_event(kind.name, email)]


def _poll_all(bench: PluginHarness, cursor: str) -> list[Event]:
    events: list[Event] = []
    for _ in range(MAX_PAGES):
        page = bench.call("nps_poll_events", cursor=cursor)
        events += page.events
        cursor = page.cursor
        if not page.more:
            return events
    raise AssertionError(f"a poll never ends: {MAX_PAGES} pages for a few events")


def _parse_webhooks(bench: PluginHarness, facts: list[str]) -> list[Event]:
    webhooks = bench.vendor.webhooks(facts, WEBHOOK_URL) if bench.vendor else []
    requests = [received_webhook(webhook, bench.clock()) for webhook in webhooks]
    told = [one for request in requests for one in bench.call("nps_parse_events", request=request)]
    return [one for one in told if isinstance(one, Event)]
