"""The whole product: detractor, ticket, solved, recovery survey, promoter, recovered; with exactly one ticket."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from support.sqlite_files import create_empty_database

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow
from nps_connect.services.operations.restored import mark_restored

ADA = "ada@example.com"


@pytest.fixture(scope="session")
def product_type():
    spec = spec_from_file_location("zendesk_product", Path(__file__).with_name("product.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ProductHarness


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory):
    """A file with the newest schema, to be copied."""
    return create_empty_database(tmp_path_factory.mktemp("empty") / "ledger.db")


@pytest.fixture
def build(product_type, empty_ledger, tmp_path, vendor, transport, clock):
    """Return a function that builds the product on an empty ledger; keyword arguments replace configuration tables."""
    path = tmp_path / "ledger.db"
    path.write_bytes(empty_ledger.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    yield lambda **change: product_type(ledger, vendor, transport, clock, **change)
    ledger.close()


@pytest.fixture
def product(build):
    return build()


def open_detractor_ticket(product, comment="Nobody answers."):
    """Survey Ada after a solved ticket and let her respond as a detractor; returns her ticket."""
    product.deliver_event("ticket.solved", ADA)
    product.respond(product.wait_for_survey("after-support", after=timedelta(days=1)), 2, comment)
    [ticket] = product.tickets()
    return ticket


class TestLoop:
    def test_a_detractor_is_recovered_after_the_ticket_is_solved(self, product, vendor, clock):
        ticket = open_detractor_ticket(product)
        assert (ticket["priority"], ticket["status"]) == ("urgent", "new")
        assert "> Nobody answers." in ticket["comments"][0]["body"]
        assert (product.case.state, product.case.ticket_id) == ("open", str(ticket["id"]))

        clock.forward(timedelta(hours=2))
        product.deliver_event("ticket.solved", ADA)
        assert (product.case.state, product.case.first_reply_minutes, product.case.solve_minutes) == (
            "solved",
            120,
            120,
        )
        assert len(product.post.mails) == 1

        token = product.wait_for_survey("after-recovery", after=timedelta(days=3))
        product.respond(token, 9, "Thank you, all is well.")
        assert product.case.recovered_score == 9
        [ticket] = product.tickets()
        assert {"nps-detractor", "nps-recovered"} <= set(ticket["tags"])
        assert (ticket["status"], ticket["priority"]) == ("solved", "low")
        update = ticket["comments"][-1]
        assert update["public"] is False
        assert "The customer was surveyed again" in update["body"]
        assert "> Thank you, all is well." in update["body"]
        assert vendor.effects().scores == {ADA: 9}
        assert sorted(product.decisions) == [
            ("case.solved", "yes", "surveyed"),
            ("ticket.solved", "no", "veto"),
            ("ticket.solved", "yes", "surveyed"),
        ]

    def test_a_ticket_that_was_closed_meanwhile_is_not_changed(self, product, clock):
        open_detractor_ticket(product)
        product.deliver_event("ticket.solved", ADA)
        token = product.wait_for_survey("after-recovery", after=timedelta(days=3))
        product.deliver_event("ticket.closed", ADA)
        product.respond(token, 10)
        assert product.case.recovered_score == 10
        assert [ticket["status"] for ticket in product.tickets()] == ["closed"]
        [update] = [row for row in product.rows() if row.action == "update_ticket"]
        assert (update.state, "is closed" in update.receipt_note) == ("succeeded", True)

    def test_a_reopened_ticket_cancels_the_recovery_survey(self, product, clock):
        open_detractor_ticket(product)
        product.deliver_event("ticket.solved", ADA)
        clock.forward(timedelta(hours=1))
        product.deliver_event("ticket.reopened", ADA)
        clock.forward(timedelta(days=5))
        product.run()
        assert (product.case.state, product.case.reopened) == ("open", 1)
        assert [mail.kind for mail in product.post.mails if mail.kind == "survey"] == ["survey"]

    def test_the_opt_out_tag_stops_the_recovery_survey(self, product, vendor, clock):
        open_detractor_ticket(product)
        product.deliver_event("ticket.solved", ADA)
        vendor.opt_out(ADA)
        clock.forward(timedelta(days=4))
        product.run()
        assert len(product.post.mails) == 1

    def test_a_detractor_is_recovered_with_polling(self, build, clock):
        product = build(helpdesk={"events": "poll"})

        def poll_for(minutes=4):
            for _ in range(minutes):
                product.run()
                clock.forward(timedelta(minutes=1))
            product.run()

        poll_for(1)
        product.vendor.simulate_event("ticket.solved", ADA)
        poll_for()
        product.respond(product.wait_for_survey("after-support", after=timedelta(days=1)), 2)
        clock.forward(timedelta(hours=1))
        product.vendor.simulate_event("ticket.solved", ADA)
        poll_for()
        assert (product.case.state, product.case.solve_minutes) == ("solved", 60)
        product.respond(product.wait_for_survey("after-recovery", after=timedelta(days=3)), 8)
        assert product.case.recovered_score == 8


class TestOneTicket:
    @pytest.mark.parametrize(
        ("wait", "lose_before", "lose"),
        [
            (timedelta(seconds=30), 0, 1),
            (timedelta(minutes=90), 0, 3),
            (timedelta(minutes=90), 2, 1),
            (timedelta(hours=3), 0, 1),
            (timedelta(hours=3), 1, 1),
            (timedelta(days=2), 0, 1),
            (timedelta(days=2), 1, 0),
        ],
    )
    def test_lost_responses_end_with_exactly_one_ticket(self, product, transport, clock, wait, lose_before, lose):
        product.deliver_event("ticket.solved", ADA)
        token = product.wait_for_survey("after-support", after=timedelta(days=1))
        transport.lose_before, transport.lose = lose_before, lose
        product.respond(token, 1, "Lost in the mail.")
        for _ in range(4):
            clock.forward(wait)
            product.run()
        [ticket] = product.tickets()
        [delivery] = [row for row in product.rows() if row.action == "open_ticket"]
        assert (delivery.state, delivery.receipt_id) == ("succeeded", str(ticket["id"]))
        assert product.case.ticket_id == str(ticket["id"])

    def test_a_late_comment_is_added_to_the_same_ticket(self, product, clock):
        product.deliver_event("ticket.solved", ADA)
        token = product.wait_for_survey("after-support", after=timedelta(days=1))
        product.respond(token, 3)
        clock.forward(timedelta(minutes=10))
        product.respond(token, 3, "And it is broken, too.")
        [ticket] = product.tickets()
        assert "> And it is broken, too." in ticket["comments"][-1]["body"]

    def test_a_response_that_is_given_again_after_a_restore_finds_its_ticket(self, product, clock):
        product.deliver_event("ticket.solved", ADA)
        token = product.wait_for_survey("after-support", after=timedelta(days=1))
        ledger = product.ctx.ledger
        ledger.close()
        backup = ledger.file.read_bytes()
        product.respond(token, 2, "Nobody answers.")
        [ticket] = product.tickets()
        ledger.close()
        ledger.file.write_bytes(backup)
        mark_restored(product.ctx, taken_at=None, journals=())
        clock.forward(timedelta(days=2))  # longer than Zendesk remembers an idempotency key
        product.respond(token, 2, "Nobody answers.")
        assert [found["id"] for found in product.tickets()] == [ticket["id"]]
        [delivery] = [row for row in product.rows() if row.action == "open_ticket"]
        assert (delivery.state, delivery.receipt_id) == ("succeeded", str(ticket["id"]))


class TestBadInput:
    @pytest.mark.parametrize(
        "comment", ["😡 " * 300, "<b>bold</b><script>x</script>", "{{ticket.id}} {%if x%}", "\u202eabc"]
    )
    def test_any_comment_reaches_the_ticket_unchanged(self, product, comment):
        body = open_detractor_ticket(product, comment)["comments"][0]["body"]
        assert comment.strip().replace(" ", "")[:20].replace("\u202e", "") in body.replace(" ", "")
        assert "{{" not in body

    @pytest.mark.parametrize("more", [{"group": "Nowhere"}, {"group": 999}, {"custom_fields": {"No such": "{score}"}}])
    def test_an_unknown_group_or_field_does_not_prevent_the_ticket(self, build, more):
        product = build(helpdesk=more)
        open_detractor_ticket(product)
        [delivery] = [row for row in product.rows() if row.action == "open_ticket"]
        assert delivery.state == "succeeded"
        assert delivery.receipt_note

    def test_a_suspended_requester_still_gets_a_ticket(self, product, vendor):
        product.deliver_event("ticket.solved", ADA)
        token = product.wait_for_survey("after-support", after=timedelta(days=1))
        vendor.account.user_with(ADA)["suspended"] = True
        product.respond(token, 0, "Hello?")
        [ticket] = product.tickets()
        assert "Ada Example <ada@example.com>" in ticket["comments"][0]["body"]


def test_an_invalid_grant_pauses_the_connection_and_the_ticket_waits(product, vendor, clock):
    product.deliver_event("ticket.solved", ADA)
    token = product.wait_for_survey("after-support", after=timedelta(days=1))
    tokens = dict(vendor.tokens.access)
    vendor.tokens.access.clear()
    product.respond(token, 2)
    assert [row.state for row in product.rows() if row.action == "open_ticket"] == ["pending"]
    clock.forward(timedelta(minutes=6))
    product.run()
    assert [mail.to.email for mail in product.post.mails if mail.kind == "fallback"][:1] == ["care@example.com"]
    vendor.tokens.access.update(tokens)
    clock.forward(timedelta(minutes=10))
    product.run()
    assert len(product.tickets()) == 1


def test_a_merge_at_zendesk_is_followed(build, vendor):
    product = build(helpdesk={"webhook_mode": "events"})
    product.deliver_event("ticket.solved", ADA)
    loser = vendor.account.user_with(ADA)
    survivor = vendor.account.add_user("Ada E.", "ada@work.example.com")
    fact = vendor.event_log.merge_users(loser, survivor)
    product.deliver_facts([fact])
    rows = {row.vendor_id: row for row in product.rows(ContactRow)}
    assert rows[str(loser["id"])].merged_into == rows[str(survivor["id"])].id


def test_a_permanent_deletion_at_zendesk_erases_the_person(build, vendor):
    product = build(helpdesk={"events": "poll"})
    product.run()
    product.clock.forward(timedelta(minutes=5))
    vendor.simulate_event("ticket.solved", ADA)
    product.clock.forward(timedelta(minutes=5))
    product.run()
    assert [row.erased_at for row in product.rows(ContactRow)] == [None]
    vendor.simulate_event("contact.privacy_deleted", ADA)
    product.clock.forward(timedelta(minutes=65))
    product.run()
    (row,) = product.rows(ContactRow)
    assert row.erased_at is not None
    assert row.email is None


def test_a_ticket_that_is_open_again_when_it_is_read_leads_to_no_survey(build, vendor):
    product = build()
    facts = vendor.simulate_event("ticket.solved", ADA)
    vendor.simulate_event("ticket.reopened", ADA)
    product.deliver_facts(facts)
    assert product.decisions == [("ticket.solved", "no", "veto")]
