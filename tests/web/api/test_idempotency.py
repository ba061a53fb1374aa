"""``Idempotency-Key``: a repeated request has no second effect, and the stored response comes back."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from nps_connect.app.api_backend import ApplicationApiBackend
from nps_connect.ledger.api_keys import IdempotencyKeyRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.api_requests import ResponseRequest
from nps_connect.records.api_results import ApiWrite
from nps_connect.services.api import responses as response_service
from nps_connect.services.api_keys.idempotency import delete_expired_responses
from nps_connect.services.suppressions.erasure import erase_contacts, export_contacts

CALL = {"survey": "after-purchase", "connection": "shop", "contact": {"id": "c-1"}, "score": 9, "collected_by": "phone"}


def count(application, table):
    with application.ledger.read() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_repeated_request_returns_the_stored_response(api, application):
    first = api.post("/responses", CALL, idempotency_key="call-1")
    again = api.post("/responses", CALL, idempotency_key="call-1")
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert api.post("/responses", CALL, idempotency_key="call-2").body["id"] != first.body["id"]
    assert count(application, ResponseRow) == 2


def test_the_same_key_with_another_request_is_refused(api, application):
    api.post("/responses", CALL, idempotency_key="call-1")
    other = api.post("/responses", {**CALL, "score": 3}, idempotency_key="call-1")
    elsewhere = api.post("/contacts", {"connection": "shop", "id": "c-1"}, idempotency_key="call-1")
    for answer in (other, elsewhere):
        assert (answer.status, answer.body["type"]) == (409, "urn:nps-connect:problem:idempotency-key-reused")
    assert count(application, ResponseRow) == 1


def test_each_key_of_the_api_has_its_own_idempotency_keys(api, application):
    api.post("/responses", CALL, idempotency_key="call-1")
    api.key = api.add_key("responses:write", name="call centre")
    assert "idempotency-replayed" not in api.post("/responses", CALL, idempotency_key="call-1").headers
    assert count(application, ResponseRow) == 2


def test_requests_that_arrive_together_have_one_effect(api, application):
    answers = api.together(*[("/responses", CALL, {"idempotency_key": "call-1"})] * 5)
    assert [answer.status for answer in answers] == [201] * 5
    assert len({answer.body["id"] for answer in answers}) == 1
    assert count(application, ResponseRow) == 1


def test_a_refused_request_stores_nothing_and_may_be_repeated_when_it_is_corrected(api, application):
    assert api.post("/responses", {**CALL, "survey": "aftr-purchase"}, idempotency_key="call-1").status == 422
    assert api.post("/responses", CALL, idempotency_key="call-1").status == 201


def test_effect_and_stored_response_are_one_transaction(api, application, monkeypatch):
    class Crash(Exception):
        pass

    def crash(*_arguments, **_values):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(response_service, "record_audit", crash)  # the last step of the effect
        assert api.post("/responses", CALL, idempotency_key="call-1").status == 503
    assert (count(application, ResponseRow), count(application, IdempotencyKeyRow)) == (0, 0)
    with monkeypatch.context() as patch:
        patch.setattr("nps_connect.services.api.writes.store_responses", crash)
        assert api.post("/responses", CALL, idempotency_key="call-1").status == 503
    assert (count(application, ResponseRow), count(application, IdempotencyKeyRow)) == (0, 0)
    assert api.post("/responses", CALL, idempotency_key="call-1").status == 201


def test_a_key_is_kept_for_a_day(api, application, clock):
    api.post("/responses", CALL, idempotency_key="call-1")
    clock.forward("23h")
    delete_expired_responses(application.ctx)
    assert api.post("/responses", CALL, idempotency_key="call-1").headers["idempotency-replayed"] == "true"
    clock.forward("1h")
    assert "idempotency-replayed" not in api.post("/responses", CALL, idempotency_key="call-1").headers
    clock.forward("1d")
    delete_expired_responses(application.ctx)
    assert count(application, IdempotencyKeyRow) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_that_could_hold_an_address_is_refused(api):
    answer = api.post("/responses", CALL, idempotency_key="marie@example.com")
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_processes_that_get_the_same_request_at_one_time_carry_it_out_once(api, application):
    backends = [ApplicationApiBackend(application.ctx) for _ in range(4)]
    backends[0].refresh()
    caller, request = backends[0].authenticate(api.key), ResponseRequest.model_validate_json(json.dumps(CALL))
    for number in range(3):
        write = ApiWrite(caller, request, f"call-{number}", "a hash")
        with ThreadPoolExecutor(len(backends)) as pool:
            results = [result for [result] in pool.map(lambda backend, write=write: backend.write([write]), backends)]
        assert sorted(result.is_replay for result in results) == [False, True, True, True]
        assert len({result.body["id"] for result in results}) == 1
    assert count(application, ResponseRow) == 3


def test_the_response_about_an_erased_person_is_gone(api, application):
    api.post("/responses", CALL, idempotency_key="call-1")
    with application.ledger.write() as session:
        contacts = session.execute(select(ContactRow)).scalars().all()
        assert [row["status"] for row in export_contacts(application.ctx, session, contacts)["idempotency_keys"]] == [
            201
        ]
        erase_contacts(application.ctx, session, contacts, source="the test")
    answer = api.post("/responses", CALL, idempotency_key="call-1")
    assert (answer.status, answer.body["type"]) == (409, "urn:nps-connect:problem:response-erased")
    assert count(application, ResponseRow) == 1
