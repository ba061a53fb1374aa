"""The list and the page of cases: made for calling, and who may do what."""

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user, words

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.tables import ResponseRow

CHANGE = {
    "routes": [{"on": "any", "do": "write_score", "via": "crm"}],
    "cases": {"phone_field": "phone", "facts": {"Produit": "product"}},
    "core": {"dimensions": {"location": "shop"}},
    "teams": {"lyon": {"where": 'location == "Lyon"'}, "paris": {"where": 'location == "Paris"'}},
}
FIELDS = {"phone": "+33 1 99 00 12 34", "product": "<b>Lampe</b>", "shop": "Lyon"}


@pytest.fixture
def harness(ledger, clock):
    return ApplicationHarness(ledger, clock, CHANGE)


@pytest.fixture
def case_id(harness):
    """The public id of a response by an unhappy customer of the shop in Lyon."""
    harness.answer(harness.surveyed(name="Marie", fields=FIELDS), 2, "Cassée à l'arrivée")
    harness.run()
    with harness.ledger.read() as session:
        return session.execute(select(ResponseRow.public_id)).scalar_one()


@pytest.fixture
def client(harness, runner):
    def sign_in(role, team=None):
        user = add_console_user(harness, f"{role}@example.com", role, team=team)
        return ConsoleClient(harness, runner, user)

    return sign_in


def stored_case(harness):
    with harness.ledger.read() as session:
        return session.execute(select(CaseRow)).scalars().one()


def test_the_page_has_what_one_needs_to_call(client, case_id):
    page = client("case_worker").get(f"/console/cases/{case_id}").text
    assert 'href="tel:+33199001234"' in page
    assert "&lt;b&gt;Lampe&lt;/b&gt;" in page
    for text in ("Marie", "mailto:marie@example.com", "Lyon", "Produit", "Called: spoken"):
        assert text in page


def test_the_list_leads_to_the_page(client, case_id):
    worker = client("case_worker")
    assert f"/console/cases/{case_id}" in worker.get("/console/cases").text
    assert f"/console/cases/{case_id}" in worker.get("/console/cases?owner=nobody").text
    for query in ("state=solved", "owner=anna@example.com", "page=99"):
        assert case_id not in worker.get(f"/console/cases?{query}").text
    assert worker.get("/console/cases?state='&page=x&owner=%00").status_code == 200


def test_a_case_is_worked_on_and_every_step_is_kept(client, harness, case_id):
    worker, path = client("case_worker"), f"/console/cases/{case_id}"
    steps = [
        ("assign", {"address": "case_worker@example.com"}),
        ("call", {"outcome": "call_again", "day": "2030-03-04", "time": "10:30", "text": "Rappeler lundi"}),
        ("note", {"text": "<script>"}),
        ("solve", {"done": "apology", "text": "Remplacée"}),
        ("reopen", {}),
    ]
    for name, fields in steps:
        answer = worker.post(f"{path}/{name}", fields)
        assert (answer.status_code, answer.headers["location"]) == (303, path), name
    case = stored_case(harness)
    assert (case.state, case.reopened, case.remedies) == ("open", 1, ["apology"])
    story = words(worker.get(f"/console/responses/{case_id}").text)
    assert "Assigned to case_worker@example.com by case_worker@example.com" in story
    with harness.ledger.read() as session:
        kinds = session.execute(select(CaseEntryRow.kind).order_by(CaseEntryRow.id)).scalars().all()
        audited = session.execute(select(AuditRow.command).where(AuditRow.actor_kind == "console")).scalars().all()
    assert kinds == ["assigned", "called", "note", "solved", "reopened"]
    assert audited == ["cases assign", "cases note", "cases note", "cases solve", "cases reopen"]
    assert "<script>" not in worker.get(path).text.replace("<script defer", "")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("call", {"outcome": "call_again"}),
        ("call", {"outcome": "shouted"}),
        ("call", {"outcome": "spoken", "day": "tomorrow"}),
        ("call", {"outcome": "spoken", "day": "2001-01-01"}),
        ("note", {"text": "  "}),
        ("assign", {"address": "nobody at all"}),
        ("reopen", {}),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_changes_nothing(client, harness, case_id, name, fields):
    before = stored_case(harness)
    answer = client("case_worker").post(f"/console/cases/{case_id}/{name}", fields)
    assert answer.status_code == 422
    assert "not stored" in answer.text
    assert stored_case(harness) == before


def test_viewers_read_and_change_nothing(client, harness, case_id):
    viewer = client("viewer")
    page = viewer.get(f"/console/cases/{case_id}")
    assert page.status_code == 200
    assert "Called: spoken" not in page.text
    assert viewer.post(f"/console/cases/{case_id}/solve").status_code == 403
    assert stored_case(harness).state == "open"


def test_a_team_sees_its_own_cases_and_404_for_others(client, case_id):
    assert client("team_viewer", "lyon").get(f"/console/cases/{case_id}").status_code == 200


def test_another_team_sees_404(client, case_id):
    other = client("team_viewer", "paris")
    assert other.get(f"/console/cases/{case_id}").status_code == 404
    assert case_id not in other.get("/console/cases").text


def test_an_unknown_case_is_404(client, case_id):
    worker = client("case_worker")
    assert worker.get("/console/cases/0000").status_code == 404
    assert worker.post("/console/cases/0000/solve").status_code == 404


def test_a_customer_who_wants_no_contact_is_not_called(client, harness):
    harness.answer(harness.surveyed(fields=FIELDS), 1, no_contact=True)
    harness.run()
    with harness.ledger.read() as session:
        public_id = session.execute(select(ResponseRow.public_id)).scalar_one()
    page = client("case_worker").get(f"/console/cases/{public_id}").text
    assert "Please do not call" in page
    assert "tel:" not in page


def test_a_call_that_was_agreed_replaces_the_deadline_on_every_page(client, harness, case_id):
    harness.clock.forward("30d")
    worker = client("case_worker")
    assert "1 customer to call today" in words(worker.get("/console/overview").text)
    again = {"outcome": "call_again", "day": "2030-03-04", "time": "10:30", "text": "Rappeler lundi"}
    worker.post(f"/console/cases/{case_id}/call", again)
    overview = words(worker.get("/console/overview").text)
    assert "Nothing is due today." in overview
    assert "4 Mar 2030" in overview
