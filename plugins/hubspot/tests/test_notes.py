"""Notes: one per response, escaped, updated with the response."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import DeliveryView, OutcomeUnknown, RateLimited, Receipt


@pytest.fixture
def connection_with_notes(make_connection, connection):
    return make_connection(notes=True)


def notes(portal):
    return [record.properties["hs_note_body"] for record in portal.records["notes"].values()]


def in_doubt(update, clock):
    return DeliveryView(
        action="write_score", idempotency_key=update.idempotency_key, payload=update, first_started_at=clock()
    )


def test_without_the_setting_there_are_no_notes(connection, create_contacts, build_score_update, portal, clock):
    [person] = create_contacts(1)
    update = build_score_update(person.id)
    plugin.nps_write_scores(connection, [update])
    assert notes(portal) == []
    assert plugin.nps_find_existing(connection, in_doubt(update, clock)) is None


def test_the_note_is_found_beyond_the_first_page_of_associations(
    connection_with_notes, create_contacts, build_score_update, portal, clock, monkeypatch, transport
):
    [person] = create_contacts(1)
    for _ in range(5):
        portal.link(portal.create("notes", {"hs_note_body": "<p>by hand</p>"}, clock()), person, 202)
    update = build_score_update(person.id)
    plugin.nps_write_scores(connection_with_notes, [update])
    monkeypatch.setattr("nps_connect_hubspot.simulated.resources.ASSOCIATIONS_PER_PAGE", 2)
    assert plugin.nps_find_existing(connection_with_notes, in_doubt(update, clock)) is not None
    pages = [json.loads(request.body) for request in transport.requests if "associations" in request.path]
    assert [page["inputs"][0].get("after") for page in pages] == [None, "2", "4"]


def test_a_cursor_that_does_not_advance_ends_the_reading(connection_with_notes, transport, clock, build_score_update):
    entry = {"from": {"id": "1"}, "to": [], "paging": {"next": {"after": "x"}}}
    page = {"status": "COMPLETE", "results": [entry]}
    transport.faults = [httpx.Response(200, json=page), httpx.Response(200, json=page)]
    assert plugin.nps_find_existing(connection_with_notes, in_doubt(build_score_update("1"), clock)) is None


def test_a_hundred_responses_need_two_calls(
    connection_with_notes, transport, create_contacts, build_score_update, portal
):
    people = create_contacts(100)
    outcomes = plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id) for person in people])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert len(notes(portal)) == 100
    assert [path.rpartition("/")[2] for path in transport.paths()] == ["update", "create"]


def test_a_note_has_its_contact_and_the_time_of_the_response(
    connection_with_notes, create_contacts, build_score_update, portal
):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, 2, comment="trop lent")])
    [note] = portal.records["notes"].values()
    assert note.properties["hs_timestamp"] == "2026-03-02T08:59:00.000Z"
    assert note.properties["hs_note_body"] == (
        f"<p><strong>NPS 2</strong> (Détracteur), purchase</p><p>trop lent</p><p>Référence: nps-response:r-{person.id} / 1</p>"
    )
    assert portal.links["contacts", person.id, "notes"].keys() == {note.id}


def test_the_customers_text_is_escaped(connection_with_notes, create_contacts, build_score_update, portal):
    [person] = create_contacts(1)
    comment = "<script>alert('x')</script>\n& <a href=\"https://example.com\">lien</a>"
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, comment=comment)])
    [body] = notes(portal)
    assert re.findall(r"</?(\w+)", body).count("script") == 0
    assert html.unescape(body.split("<p>")[2].removesuffix("</p>")).replace("<br>", "\n") == comment


@pytest.mark.parametrize("comment", ["é" * 70_000, "&" * 65_536, "😞" * 40_000, "\n" * 65_536])
def test_a_note_never_exceeds_the_limit(connection_with_notes, create_contacts, build_score_update, portal, comment):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, comment=comment)])
    [body] = notes(portal)
    assert isinstance(outcome, Receipt)
    assert outcome.note is None
    assert body.endswith(f"nps-response:r-{person.id} / 1</p>")


def test_a_changed_response_updates_its_note(connection_with_notes, create_contacts, build_score_update, portal, clock):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, 9)])
    second = build_score_update(person.id, 4, revision=2, comment="finalement non")
    for _ in range(2):
        plugin.nps_write_scores(connection_with_notes, [second])
    [body] = notes(portal)
    assert "NPS 4" in body
    assert "finalement non" in body


def test_a_second_revision_without_a_first_note_gets_a_note(
    connection_with_notes, create_contacts, build_score_update, portal
):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, 4, revision=2)])
    assert len(notes(portal)) == 1


def test_a_note_in_doubt_is_found(
    connection_with_notes, transport, vendor, create_contacts, build_score_update, portal, clock
):
    [person] = create_contacts(1)
    update = build_score_update(person.id)

    def lose_response(request):
        type(transport).__mro__[1].handle_request(transport, request)
        raise httpx.ReadTimeout("no response", request=request)

    transport.faults = [lambda _request: None, lose_response]
    [outcome] = plugin.nps_write_scores(connection_with_notes, [update])
    assert isinstance(outcome, OutcomeUnknown)
    receipt = plugin.nps_find_existing(connection_with_notes, in_doubt(update, clock))
    assert receipt is not None
    assert receipt.id == person.id
    assert len(notes(portal)) == 1


def test_a_note_that_does_not_exist_is_sent_again(
    connection_with_notes, transport, create_contacts, build_score_update, portal, clock
):
    [person] = create_contacts(1)
    update = build_score_update(person.id)
    transport.faults = [lambda _request: None, httpx.Response(502)]
    [outcome] = plugin.nps_write_scores(connection_with_notes, [update])
    assert isinstance(outcome, OutcomeUnknown)
    assert plugin.nps_find_existing(connection_with_notes, in_doubt(update, clock)) is None
    plugin.nps_write_scores(connection_with_notes, [update])
    assert len(notes(portal)) == 1


def test_a_rate_limit_of_notes_is_passed_on(
    connection_with_notes, transport, create_contacts, build_score_update, portal
):
    [person] = create_contacts(1)
    transport.faults = [lambda _request: None, httpx.Response(429, json={"policyName": "TEN_SECONDLY_ROLLING"})]
    [outcome] = plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id)])
    assert isinstance(outcome, RateLimited)
    assert notes(portal) == []


def test_a_rejected_note_is_a_remark_and_blocks_no_other(
    connection_with_notes, transport, create_contacts, build_score_update, portal
):
    people = create_contacts(3)

    def refuse_the_first(request):
        if f'"{people[0].id}"' in request.content.decode():
            return httpx.Response(400, json={"category": "VALIDATION_ERROR"})
        return None

    transport.faults = [lambda _request: None, *[refuse_the_first] * 3]
    outcomes = plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id) for person in people])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert "its note is not" in outcomes[0].note
    assert [outcome.note for outcome in outcomes[1:]] == [None, None]
    assert len(notes(portal)) == 2


def test_the_comment_policy_applies_to_the_note(connection_with_notes, create_contacts, build_score_update, portal):
    [person] = create_contacts(1)
    plugin.nps_write_scores(
        connection_with_notes, [build_score_update(person.id, comment="private words", comment_policy="none")]
    )
    assert "private words" not in notes(portal)[0]


def test_a_superseded_response_has_no_note(connection_with_notes, create_contacts, build_score_update, portal, clock):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, id="newer")])
    clock.forward(timedelta(hours=1))
    plugin.nps_write_scores(connection_with_notes, [build_score_update(person.id, id="older", ago=timedelta(days=1))])
    assert ["newer" in body for body in notes(portal)] == [True]
