"""A note per response: escaped, never twice, changed with the answer."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import DeliveryView, OutcomeUnknown, RateLimited, Receipt


@pytest.fixture
def noting(connecting, connection):
    return connecting(notes=True)


def notes(portal):
    return [record.properties["hs_note_body"] for record in portal.records["notes"].values()]


def in_doubt(update, clock):
    return DeliveryView(
        action="write_score", idempotency_key=update.idempotency_key, payload=update, first_started_at=clock()
    )


def test_without_the_setting_there_are_none(connection, create_contacts, updating, portal, clock):
    [person] = create_contacts(1)
    update = updating(person.id)
    plugin.nps_write_scores(connection, [update])
    assert notes(portal) == []
    assert plugin.nps_find_existing(connection, in_doubt(update, clock)) is None


def test_a_hundred_responses_are_two_calls(noting, wire, create_contacts, updating, portal):
    people = create_contacts(100)
    outcomes = plugin.nps_write_scores(noting, [updating(person.id) for person in people])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert len(notes(portal)) == 100
    assert [path.rpartition("/")[2] for path in wire.paths()] == ["update", "create"]


def test_a_note_stands_on_its_contact_at_the_moment_of_the_answer(noting, create_contacts, updating, portal):
    [person] = create_contacts(1)
    plugin.nps_write_scores(noting, [updating(person.id, 2, comment="trop lent")])
    [note] = portal.records["notes"].values()
    assert note.properties["hs_timestamp"] == "2026-03-02T08:59:00.000Z"
    assert note.properties["hs_note_body"] == (
        f"<p><strong>NPS 2</strong> (Détracteur), purchase</p><p>trop lent</p><p>Référence: nps-response:r-{person.id} / 1</p>"
    )
    assert portal.links["contacts", person.id, "notes"].keys() == {note.id}


def test_whatever_the_customer_wrote_is_escaped(noting, create_contacts, updating, portal):
    [person] = create_contacts(1)
    comment = "<script>alert('x')</script>\n& <a href=\"https://example.com\">lien</a>"
    plugin.nps_write_scores(noting, [updating(person.id, comment=comment)])
    [body] = notes(portal)
    assert re.findall(r"</?(\w+)", body).count("script") == 0
    assert html.unescape(body.split("<p>")[2].removesuffix("</p>")).replace("<br>", "\n") == comment


@pytest.mark.parametrize("comment", ["é" * 70_000, "&" * 65_536, "😞" * 40_000, "\n" * 65_536])
def test_a_note_never_exceeds_the_limit(noting, create_contacts, updating, portal, comment):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_scores(noting, [updating(person.id, comment=comment)])
    [body] = notes(portal)
    assert isinstance(outcome, Receipt)
    assert outcome.note is None
    assert body.endswith(f"nps-response:r-{person.id} / 1</p>")


def test_a_changed_answer_changes_its_note(noting, create_contacts, updating, portal, clock):
    [person] = create_contacts(1)
    plugin.nps_write_scores(noting, [updating(person.id, 9)])
    second = updating(person.id, 4, revision=2, comment="finalement non")
    for _ in range(2):
        plugin.nps_write_scores(noting, [second])
    [body] = notes(portal)
    assert "NPS 4" in body
    assert "finalement non" in body


def test_a_second_revision_whose_first_was_never_written_gets_a_note(noting, create_contacts, updating, portal):
    [person] = create_contacts(1)
    plugin.nps_write_scores(noting, [updating(person.id, 4, revision=2)])
    assert len(notes(portal)) == 1


def test_a_note_that_was_perhaps_made_is_looked_for(noting, wire, vendor, create_contacts, updating, portal, clock):
    [person] = create_contacts(1)
    update = updating(person.id)

    def made_but_unheard(request):
        type(wire).__mro__[1].handle_request(wire, request)
        raise httpx.ReadTimeout("no answer", request=request)

    wire.faults = [lambda _request: None, made_but_unheard]
    [outcome] = plugin.nps_write_scores(noting, [update])
    assert isinstance(outcome, OutcomeUnknown)
    receipt = plugin.nps_find_existing(noting, in_doubt(update, clock))
    assert receipt is not None
    assert receipt.id == person.id
    assert len(notes(portal)) == 1


def test_a_note_that_was_surely_not_made_is_resent(noting, wire, create_contacts, updating, portal, clock):
    [person] = create_contacts(1)
    update = updating(person.id)
    wire.faults = [lambda _request: None, httpx.Response(502)]
    [outcome] = plugin.nps_write_scores(noting, [update])
    assert isinstance(outcome, OutcomeUnknown)
    assert plugin.nps_find_existing(noting, in_doubt(update, clock)) is None
    plugin.nps_write_scores(noting, [update])
    assert len(notes(portal)) == 1


def test_the_wish_to_wait_is_passed_on(noting, wire, create_contacts, updating, portal):
    [person] = create_contacts(1)
    wire.faults = [lambda _request: None, httpx.Response(429, json={"policyName": "TEN_SECONDLY_ROLLING"})]
    [outcome] = plugin.nps_write_scores(noting, [updating(person.id)])
    assert isinstance(outcome, RateLimited)
    assert notes(portal) == []


def test_a_refused_note_is_a_remark_and_blocks_no_other(noting, wire, create_contacts, updating, portal):
    people = create_contacts(3)

    def refuse_the_first(request):
        if f'"{people[0].id}"' in request.content.decode():
            return httpx.Response(400, json={"category": "VALIDATION_ERROR"})
        return None

    wire.faults = [lambda _request: None, *[refuse_the_first] * 3]
    outcomes = plugin.nps_write_scores(noting, [updating(person.id) for person in people])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert "its note is not" in outcomes[0].note
    assert [outcome.note for outcome in outcomes[1:]] == [None, None]
    assert len(notes(portal)) == 2


def test_the_route_decides_about_the_comment_in_the_note_too(noting, create_contacts, updating, portal):
    [person] = create_contacts(1)
    plugin.nps_write_scores(noting, [updating(person.id, comment="private words", comment_policy="none")])
    assert "private words" not in notes(portal)[0]


def test_an_overtaken_answer_leaves_no_note(noting, create_contacts, updating, portal, clock):
    [person] = create_contacts(1)
    plugin.nps_write_scores(noting, [updating(person.id, id="newer")])
    clock.forward(timedelta(hours=1))
    plugin.nps_write_scores(noting, [updating(person.id, id="older", ago=timedelta(days=1))])
    assert ["newer" in body for body in notes(portal)] == [True]
