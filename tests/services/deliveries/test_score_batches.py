"""Batches of scores: claimed, prepared and started together; unusual items affect none of the others."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from nps_connect.ledger import claims
from nps_connect.ledger.tables import DeliveryRow


def answered(application, people: int) -> None:
    for token in [application.surveyed(str(n), f"person{n}@example.com") for n in range(people)]:
        application.answer(token, 9)


def written(application) -> list[str]:
    return sorted(update.contact.id for update in application.crm.items)


def change(application, statement: str) -> None:
    with application.ledger.engine.begin() as connection:
        connection.execute(text(statement))


def test_due_scores_are_written_in_one_call_with_one_attempt_each(application):
    answered(application, 4)
    application.run(only="write_score")
    assert [len(call) for call in application.crm.calls] == [4]
    with application.ledger.engine.connect() as connection:
        attempts = connection.execute(
            text("SELECT outcome FROM attempts JOIN deliveries d ON d.id = delivery_id WHERE d.action = 'write_score'")
        ).all()
    assert [row[0] for row in attempts] == ["succeeded"] * 4
    assert all(
        row.started_at == row.first_started_at == application.clock() for row in application.deliveries("write_score")
    )


def test_a_score_in_doubt_is_prepared_like_any_other(application):
    token = application.surveyed()
    application.answer(token, 9, "Très bien")
    application.run(only="write_score")
    application.clock.forward("11s")
    application.answer(token, 8, "Bien")
    change(application, "UPDATE deliveries SET in_doubt = true WHERE action = 'write_score' AND state = 'pending'")
    application.run(only="write_score")
    first, second = application.crm.items
    fields = {"contact", "history", "response_count", "comment_policy", "comment_link"}
    assert first.model_dump(include=fields) == second.model_dump(include=fields)
    assert (first.response.comment, second.response.comment) == ("Très bien", "Bien")


@pytest.mark.parametrize(
    ("damage", "state"),
    [
        ("UPDATE contacts SET record = '{broken' WHERE vendor_id = '1'", "pending"),
        ("UPDATE deliveries SET options = '{broken' WHERE id = {id}", "dead"),
        ("UPDATE deliveries SET created_at = 'never' WHERE id = {id}", "dead"),
    ],
)
def test_a_damaged_value_affects_only_its_own_score(application, damage, state):
    if not application.ledger.is_sqlite:
        return  # there the columns take nothing else
    answered(application, 3)
    damaged = next(row.id for row in application.deliveries("write_score") if row.key and row.contact_id == 2)
    change(application, damage.replace("{id}", str(damaged)))
    application.run(only="write_score")
    with application.ledger.engine.connect() as connection:
        states = dict(connection.execute(text("SELECT id, state FROM deliveries WHERE action = 'write_score'")).all())
    assert states.pop(damaged) == state
    assert set(states.values()) == {"succeeded"}


def test_an_erased_contact_and_a_score_in_doubt_do_not_delay_the_batch(application):
    answered(application, 4)
    change(application, "UPDATE contacts SET erased_at = CURRENT_TIMESTAMP WHERE vendor_id = '1'")
    change(application, "UPDATE deliveries SET in_doubt = true WHERE action = 'write_score' AND contact_id = 3")
    application.run(only="write_score")
    states = {row.contact_id: row.state for row in application.deliveries("write_score")}
    assert states == {1: "succeeded", 2: "cancelled", 3: "succeeded", 4: "succeeded"}
    assert written(application) == ["0", "2", "3"]


def test_two_scores_of_one_contact_are_serialised(application):
    token = application.surveyed()
    application.answer(token, 9)
    application.clock.forward("11s")
    application.answer(token, 8)
    change(application, "UPDATE deliveries SET state = 'pending', finished_at = NULL WHERE action = 'write_score'")
    application.run(only="write_score")
    assert len(application.crm.calls) == 1
    waiting = application.deliveries("write_score")[1]
    assert (waiting.state, waiting.started_at, waiting.first_started_at) == ("pending", None, None)
    application.clock.forward("1s")
    application.run(only="write_score")
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"] * 2


def test_settling_returns_the_ids_whose_lease_is_held(ledger, clock):
    with ledger.write() as session:
        session.add_all(
            DeliveryRow(
                key=str(n), queue_name="crm/x", connection="crm", action="x", due_at=clock(), created_at=clock()
            )
            for n in range(4)
        )
    with ledger.write() as session:
        ids = claims.claim_ids(session, DeliveryRow, "crm/x", token="mine", now=clock(), limit=3, start=True)
        values = {i: {"state": "succeeded", "finished_at": clock(), "receipt_id": f"r-{i}"} for i in (*ids, 4)}
        assert claims.settle_many(session, DeliveryRow, values, token="mine") == set(ids) == {1, 2, 3}
        assert claims.settle_many(session, DeliveryRow, values, token="mine") == set()
    with ledger.read() as session:
        rows = [session.get(DeliveryRow, i) for i in (1, 2, 3, 4)]
    assert [row.receipt_id for row in rows] == ["r-1", "r-2", "r-3", None]
    assert [row.finished_at for row in rows[:3]] == [clock()] * 3
    assert rows[3].state == "pending"
