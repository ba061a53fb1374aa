"""Intake checks: contact look-up, polling, completion, account check and setup."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nps_connect.errors import Rejected
from nps_connect.records.contacts import ContactKey, ContactPage
from nps_connect.records.events import Event
from nps_connect.records.themes import CommentText, ThemeName
from nps_connect.simulation import SimulatedPerson
from nps_connect.testing.contract_base import HTTP, ContractBase, needs
from nps_connect.testing.fakes import WEBHOOK_URL, received_webhook
from nps_connect.testing.harness import PluginHarness
from nps_connect.testing.samples import INES, LEA, OMAR

MAX_PAGES = 20


class IntakeChecks(ContractBase):
    """What comes in from the vendor, and what operators run against it."""

    @needs(HTTP, "nps_find_contacts")
    def test_contacts_are_found_with_one_match_per_key_in_order(self) -> None:
        """Look-up by address: a missing person has no contacts, an opt-out is reported."""
        harness = self.harness()
        emails = [OMAR.email, "nobody@example.com", INES.email, LEA.email.upper(), OMAR.email]
        keys = [ContactKey(kind="email", value=email) for email in emails]
        matches = harness.call("nps_find_contacts", keys=keys)
        assert [match.key for match in matches] == keys, "the matches are not in the order of the keys"
        assert [len(match.contacts) for match in matches] == [1, 0, 1, 1, 1]
        omar, ines, lea = (matches[number].contacts[0] for number in (0, 2, 3))
        assert (omar.email, lea.email) == (OMAR.email, LEA.email)
        assert {contact.connection for contact in (omar, ines, lea)} == {harness.connection.name}
        assert ines.opted_out, "the opt-out of a person at the vendor is not reported"
        assert not omar.opted_out

    @needs("nps_classify_comments")
    def test_classified_comments_keep_order_and_themes(self) -> None:
        """Each comment has a result at its place, in any order of the batch, with themes that were offered only."""
        harness = self.harness()
        themes = [ThemeName(id="price", name="Price"), ThemeName(id="staff", name="Staff")]
        texts = ("Too expensive", "Friendly staff", "", "<b>'; --", "Trop cher")
        comments = [CommentText(text=text, language="en") for text in texts]
        results = list(harness.call("nps_classify_comments", comments=comments, themes=themes))
        turned = list(harness.call("nps_classify_comments", comments=comments[::-1], themes=themes))
        assert len(results) == len(comments), "the number of results is not that of the comments"
        assert results == turned[::-1], "the results are not in the order of the comments"
        unknown = {theme for result in results for theme in result.themes} - {theme.id for theme in themes}
        assert not unknown, f"themes that were not offered: {sorted(unknown)}"

    @needs(HTTP, "nps_find_contacts")
    def test_contacts_are_found_by_id(self) -> None:
        """The id that a look-up by address returns finds the same person."""
        harness = self.harness()
        contact = harness.find_contact(LEA)
        keys = [ContactKey(kind="id", value=contact.id), ContactKey(kind="id", value="999999999999")]
        match, missing = harness.call("nps_find_contacts", keys=keys)
        assert [each.id for each in match.contacts] == [contact.id]
        assert all(each.deleted for each in missing.contacts)

    @needs(HTTP, "nps_find_contacts")
    def test_lookup_without_keys_sends_no_request(self) -> None:
        """No request is sent without keys."""
        harness = self.harness()
        harness.transport.arm(None)
        assert list(harness.call("nps_find_contacts", keys=[])) == []
        assert harness.transport.request_count == 0

    @needs(HTTP, "nps_list_contacts")
    def test_every_contact_is_listed_once_over_all_pages(self) -> None:
        """All pages together have every person once, with opt-outs and without fields that were not asked for."""
        harness = self.harness()
        people = _populate(harness)
        pages = _list_all(harness)
        emails = [listed.contact.email for page in pages for listed in page.contacts]
        assert len(pages) > 1, "230 people come on one page: a vendor has larger accounts"
        assert len(emails) == len(set(emails)), "a person is listed twice"
        missing = {person.email for person in (*people, OMAR, INES, LEA)} - set(emails)
        assert not missing, f"not listed: {sorted(missing)}"
        by_email = {listed.contact.email: listed for page in pages for listed in page.contacts}
        assert by_email[INES.email].contact.opted_out, "the opt-out of a person at the vendor is not reported"
        assert {listed.contact.connection for listed in by_email.values()} == {harness.connection.name}
        assert all(not listed.contact.fields for listed in by_email.values()), "fields that nobody asked for"
        assert by_email[OMAR.email].contact.id == harness.find_contact(OMAR).id

    @needs(HTTP, "nps_list_contacts")
    def test_page_of_contacts_can_be_read_again_and_a_foreign_cursor_is_rejected(self) -> None:
        """The same cursor leads to the same page; a cursor that the vendor never gave ends in `Rejected`."""
        harness = self.harness()
        _populate(harness)
        cursor = harness.call("nps_list_contacts", cursor=None, fields=[]).cursor
        first, again = (harness.call("nps_list_contacts", cursor=cursor, fields=[]) for _ in range(2))
        assert first == again
        with pytest.raises(Rejected):
            harness.call("nps_list_contacts", cursor="no cursor of this list", fields=[])

    @needs(HTTP, "nps_poll_events")
    def test_first_poll_returns_no_history(self) -> None:
        """The first poll returns a cursor that starts now, and no events."""
        harness = self.harness()
        _simulate_event(harness, LEA.email)
        harness.clock.forward(timedelta(hours=1))
        page = harness.call("nps_poll_events", cursor=None)
        assert page.events == ()
        assert page.cursor

    @needs(HTTP, "nps_poll_events")
    def test_polling_is_complete_and_repeatable(self) -> None:
        """Polling again from one cursor returns the same events with the same keys."""
        harness = self.harness()
        cursor = harness.call("nps_poll_events", cursor=None).cursor
        harness.clock.forward(timedelta(minutes=10))
        assert _simulate_event(harness, LEA.email), "the simulated vendor makes no event of the declared kinds"
        harness.clock.forward(timedelta(minutes=10))
        first, second = _poll_all(harness, cursor), _poll_all(harness, cursor)
        assert first, "the poll found no event"
        assert {event.key for event in first} == {event.key for event in second}
        assert {event.kind for event in first} <= {kind.name for kind in harness.info.events}

    @needs(HTTP, "nps_poll_events", "nps_parse_events")
    def test_poll_and_webhook_have_the_same_event_key(self) -> None:
        """One fact has one key, whether it arrives by webhook or by poll."""
        harness = self.harness()
        cursor = harness.call("nps_poll_events", cursor=None).cursor
        harness.clock.forward(timedelta(minutes=10))
        facts = _simulate_event(harness, LEA.email)
        received = {event.key: event for event in _parse_webhooks(harness, facts)}
        harness.clock.forward(timedelta(minutes=10))
        polled = {event.key: event for event in _poll_all(harness, cursor)}
        common = {event.kind for event in received.values()} & {event.kind for event in polled.values()}
        assert common, "no kind of event arrives both by webhook and by poll"
        for kind in common:
            keys = [{key for key, event in source.items() if event.kind == kind} for source in (received, polled)]
            assert keys[0] == keys[1], f"{kind} has other keys in a poll than in a webhook"

    @needs(HTTP, "nps_complete_events", "nps_parse_events")
    def test_completed_events_keep_order_and_have_contacts(self) -> None:
        """Completed events are the same events in the same order, each with its contact."""
        harness = self.harness()
        events = _parse_webhooks(harness, _simulate_event(harness, LEA.email) + _simulate_event(harness, OMAR.email))
        completed = harness.call("nps_complete_events", events=events, fields=[])
        assert [event.key for event in completed] == [event.key for event in events]
        people = {contact.email for event in completed for contact in event.contacts}
        assert people == {LEA.email, OMAR.email}

    @needs(HTTP, "nps_check")
    def test_check_of_a_healthy_account_reports_no_error(self) -> None:
        """Every finding that is not `ok` names its fix."""
        findings = self.harness().call("nps_check")
        assert findings, "a check without problems returns at least one ok finding"
        assert [finding.text for finding in findings if finding.severity == "error"] == []
        assert [finding.text for finding in findings if finding.severity != "ok" and not finding.fix] == []

    @needs(HTTP, "nps_plan_setup", "nps_apply_setup")
    def test_setup_is_idempotent(self) -> None:
        """After a setup nothing is missing, and applying an empty plan changes nothing."""
        harness = self.harness()
        changes = harness.call("nps_plan_setup")
        assert [change.id for change in changes if change.change != "blocked"] == [], (
            "something is still missing after the setup"
        )
        assert list(harness.call("nps_apply_setup", changes=[])) == []


def _simulate_event(harness: PluginHarness, email: str) -> list[str]:
    if harness.vendor is None:
        return []
    return [fact for kind in harness.info.events for fact in harness.vendor.simulate_event(kind.name, email)]


def _poll_all(harness: PluginHarness, cursor: str) -> list[Event]:
    events: list[Event] = []
    for _ in range(MAX_PAGES):
        page = harness.call("nps_poll_events", cursor=cursor)
        events += page.events
        cursor = page.cursor
        if not page.more:
            return events
    raise AssertionError(f"polling does not end: {MAX_PAGES} pages for a few events")


def _populate(harness: PluginHarness) -> list[SimulatedPerson]:
    """Add more people than a page holds, and return them."""
    emails = [f"listed-{number:03d}@example.com" for number in range(230)]
    people = [SimulatedPerson(email=email, name="Listed", language="en") for email in emails]
    if harness.vendor is not None:
        harness.vendor.populate(people)
    return people


def _list_all(harness: PluginHarness) -> list[ContactPage]:
    pages: list[ContactPage] = []
    for _ in range(MAX_PAGES):
        cursor = pages[-1].cursor if pages else None
        pages.append(harness.call("nps_list_contacts", cursor=cursor, fields=[]))
        if pages[-1].cursor is None:
            return pages
    raise AssertionError(f"the list does not end: {MAX_PAGES} pages for a few hundred contacts")


def _parse_webhooks(harness: PluginHarness, facts: list[str]) -> list[Event]:
    webhooks = harness.vendor.webhooks(facts, WEBHOOK_URL) if harness.vendor else []
    requests = [received_webhook(webhook, harness.clock()) for webhook in webhooks]
    parsed = [event for request in requests for event in harness.call("nps_parse_events", request=request)]
    return [event for event in parsed if isinstance(event, Event)]
