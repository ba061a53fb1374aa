"""`nps-connect deliveries`: list, show, retry and cancel."""

import json
from itertools import chain

import pytest
from sqlalchemy import select

from nps_connect import Bounce
from nps_connect.connection import system_clock
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.tables import DecisionRow
from nps_connect.services.suppressions.bounce_effects import find_delivery


def unwrap(text: str) -> str:
    """Return an output without its line breaks, which depend on the width of the terminal."""
    return " ".join(text.split())


def list_json(cli, *arguments):
    return json.loads(cli("deliveries", "list", "--json", *arguments).out)["items"]


def dead_ticket_id(cli):
    [row] = list_json(cli, "--state", "dead")
    return str(row["id"])


def held_mail_id(cli):
    [row] = list_json(cli, "--state", "held")
    return str(row["id"])


def test_list_is_newest_first_with_details(seeded_cli):
    rows = list_json(seeded_cli)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    shown = seeded_cli("deliveries", "list").out
    assert "the form is closed" in shown
    assert "it may have been sent already" in shown
    assert "Desk-" not in shown.splitlines()[0]


def test_list_filters(seeded_cli):
    assert {row["action"] for row in list_json(seeded_cli, "--action", "write_score")} == {"write_score"}
    assert {row["connection"] for row in list_json(seeded_cli, "--connection", "helpdesk")} == {"helpdesk"}
    assert {row["state"] for row in list_json(seeded_cli, "--state", "dead", "--state", "held")} == {"dead", "held"}
    assert [
        row["contact"] for row in list_json(seeded_cli, "--contact", "jean@example.com", "--action", "open_ticket")
    ] == ["crm:3"]
    assert {row["error_kind"] for row in list_json(seeded_cli, "--error", "rejected")} == {"rejected"}
    assert list_json(seeded_cli, "--until", "3650d") == []


def test_pages_follow_each_other_without_gap_and_overlap(seeded_cli):
    pages, cursor = [], []
    while cursor is not None:
        page = json.loads(seeded_cli("deliveries", "list", "--limit", "2", *cursor, "--json").out)
        pages.append([row["id"] for row in page["items"]])
        cursor = ["--cursor", page["next_cursor"]] if page["next_cursor"] else None
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert list(chain.from_iterable(pages)) == [row["id"] for row in list_json(seeded_cli)]
    assert "to show the next ones, add: --cursor " in seeded_cli("deliveries", "list", "--limit", "2").out


def test_unknown_action_is_a_usage_error(seeded_cli):
    result = seeded_cli("deliveries", "list", "--action", "open_tickets")
    assert result.code == 2
    assert "open_ticket, update_ticket, " in result.err
    assert "did you mean 'open_ticket'?" in result.err


def test_show_contains_the_person_and_all_attempts(seeded_cli):
    details = json.loads(seeded_cli("deliveries", "show", dead_ticket_id(seeded_cli), "--json").out)
    assert details["contact"] == "crm:3"
    assert details["survey"] == "after-purchase"
    [attempt] = details["tries"]
    assert (attempt["outcome"], attempt["status"], attempt["request_id"]) == ("rejected", 422, "req-1")
    assert attempt["exchange"] == {"path": "/tickets"}
    shown = seeded_cli("deliveries", "show", dead_ticket_id(seeded_cli)).out
    assert "rejected, status 422, request req-1" in shown
    assert '{"path": "/tickets"}' in shown
    assert "jean@example.com" in shown
    assert "attempt 1 of " in shown


def test_show_unknown_delivery(seeded_cli):
    result = seeded_cli("deliveries", "show", "4711")
    assert (result.code, result.err) == (1, "Error: there is no delivery 4711; see: nps-connect deliveries list\n")


def test_retry_makes_the_delivery_due_now(seeded_cli):
    delivery_id = dead_ticket_id(seeded_cli)
    result = seeded_cli("deliveries", "retry", delivery_id)
    assert result.code == 0
    assert "1 of 1 can be retried; mail would reach 0 customers.\n" in result.out
    assert result.out.endswith("1 delivery due now.\n")
    seeded_cli.application.clock.forward("3650d")
    seeded_cli.application.run(only="open_ticket")
    assert json.loads(seeded_cli("deliveries", "show", delivery_id, "--json").out)["state"] == "succeeded"


def test_retry_dry_run_changes_nothing(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--dry-run")
    assert result.code == 0
    assert "1 of 2 can be retried; mail would reach 0 customers.\n" in result.out
    output = seeded_cli("deliveries", "retry", "--all", "--dry-run", "--even-if-sent").out
    assert "2 of 2 can be retried; mail would reach 1 customer.\n" in output
    assert len(list_json(seeded_cli, "--state", "dead", "--state", "held")) == 2


@pytest.mark.parametrize(("answer", "state", "code"), [("n\n", "held", 1), ("y\n", "pending", 0)])
def test_retry_of_customer_mail_needs_confirmation(seeded_cli, answer, state, code):
    delivery_id = held_mail_id(seeded_cli)
    refused = seeded_cli("deliveries", "retry", delivery_id)
    assert (refused.code, "it may have been sent already" in refused.out) == (1, True)
    result = seeded_cli("deliveries", "retry", delivery_id, "--even-if-sent", answer=answer)
    assert result.code == code
    assert "Send mail to 1 customer?" in result.err
    assert json.loads(seeded_cli("deliveries", "show", delivery_id, "--json").out)["state"] == state


def test_yes_skips_the_confirmation(seeded_cli):
    output = json.loads(seeded_cli("deliveries", "retry", "--all", "--even-if-sent", "--yes", "--json").out)
    assert output["customers"] == 1
    assert [(result["retried"], result["state"]) for result in output["items"]] == [(True, "pending")] * 2


def test_retry_all_with_a_filter(seeded_cli):
    output = json.loads(
        seeded_cli("deliveries", "retry", "--all", "--connection", "helpdesk", "--dry-run", "--json").out
    )
    assert [result["action"] for result in output["items"]] == ["open_ticket"]


def test_retry_of_a_succeeded_delivery_is_refused(seeded_cli):
    succeeded = next(row for row in list_json(seeded_cli, "--state", "succeeded"))
    result = seeded_cli("deliveries", "retry", str(succeeded["id"]))
    assert result.code == 1
    assert "it is succeeded; only dead and held deliveries are tried again" in unwrap(result.out)


def test_retry_without_matches_succeeds(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--connection", "crm")
    assert result.code == 0
    assert result.out.startswith("no dead or held deliveries\n")
    result = seeded_cli("deliveries", "retry", "--all", "--state", "succeeded", "--until", "2020-01-01")
    assert (result.code, result.out.splitlines()[0]) == (0, "no succeeded deliveries")


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["--connection", "crm"], ["1", "--action", "open_ticket"]])
def test_ids_and_all_are_mutually_exclusive(seeded_cli, arguments):
    result = seeded_cli("deliveries", "retry", *arguments)
    assert result.code == 2
    assert "give delivery IDs, or --all" in result.err


def test_retry_lists_unknown_ids(seeded_cli):
    assert seeded_cli("deliveries", "retry", "4711", "4712").err == "Error: there is no delivery 4711, 4712\n"


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--error", "rejected"], 1),
        (["--error", "FORM is closed"], 1),
        (["--error", "100%"], 0),
        (["--since", "2026-11-17"], 1),
        (["--until", "2026-11-17T09:00"], 0),
        (["--until", "3650d"], 0),
    ],
)
def test_error_and_period_filter_the_selection(seeded_cli, filters, count):
    output = json.loads(
        seeded_cli("deliveries", "retry", "--all", "--action", "open_ticket", "--dry-run", "--json", *filters).out
    )
    assert len(output["items"]) == count


def test_invalid_moment_is_a_usage_error(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--since", "yesterday")
    assert (result.code, "'yesterday' is neither a day such as" in result.err) == (2, True)


def test_cancel_is_final(seeded_cli):
    delivery_id = dead_ticket_id(seeded_cli)
    assert seeded_cli("deliveries", "cancel", delivery_id, answer="n\n").code == 1
    assert "1 of 1 can be cancelled." in seeded_cli("deliveries", "cancel", delivery_id, "--dry-run").out
    assert seeded_cli("deliveries", "cancel", delivery_id, "--yes").out.endswith("Cancelled 1 delivery.\n")
    details = json.loads(seeded_cli("deliveries", "show", delivery_id, "--json").out)
    assert (details["state"], details["last_error"]) == (
        "cancelled",
        "cancelled by the operator; before: the form is closed",
    )
    repeated = seeded_cli("deliveries", "cancel", delivery_id, "--yes")
    assert (repeated.code, "it is cancelled" in repeated.out) == (1, True)


def test_mail_in_doubt_shows_its_message_id(seeded_cli):
    expected = seeded_cli.application.post.items[-1].message_id
    delivery_id = held_mail_id(seeded_cli)
    assert f"Message-ID {expected}" in unwrap(seeded_cli("deliveries", "list", "--state", "held").out)
    assert json.loads(seeded_cli("deliveries", "show", delivery_id, "--json").out)["message_id"] == expected
    assert f"Message-ID {expected}" in unwrap(seeded_cli("explain", "luc@example.com").out)
    assert all(row["message_id"] is None for row in list_json(seeded_cli, "--state", "succeeded"))


def test_settling_mail_as_sent_starts_its_cooldown_and_attributes_its_bounces(seeded_cli):
    application, delivery_id = seeded_cli.application, held_mail_id(seeded_cli)
    message_id = application.post.items[-1].message_id
    rehearsed = json.loads(seeded_cli("deliveries", "settle", "--all", "--sent", "--dry-run", "--json").out)
    assert [(row["possible"], row["settled"]) for row in rehearsed["items"]] == [(True, False)]
    assert held_mail_id(seeded_cli) == delivery_id
    result = seeded_cli("deliveries", "settle", delivery_id, "--sent", "--yes")
    assert result.code == 0, result.err
    assert "1 of 1 can be settled as sent; they concern 1 customer." in result.out
    details = json.loads(seeded_cli("deliveries", "show", delivery_id, "--json").out)
    assert (details["state"], details["in_doubt"]) == ("succeeded", False)
    assert details["receipt_id"] == f"<{message_id}>"
    with application.ledger.read() as session:
        bounce = Bounce(kind="hard", message_id=f"<{message_id}@example.com>")
        assert str(find_delivery(application.ctx, session, bounce).id) == delivery_id
        audit = session.execute(select(AuditRow)).scalars().one()
    assert (audit.command, audit.object, audit.reason) == ("deliveries settle", f"delivery:{delivery_id}", "sent")
    application.webhook(application.won("5", deal="another-deal"))
    application.run()
    with application.ledger.read() as session:
        assert (
            session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first().reason == "cooldown"
        )


def test_mail_settled_as_not_sent_is_sent_once(seeded_cli):
    application, delivery_id = seeded_cli.application, held_mail_id(seeded_cli)
    assert "Recorded as not sent: 1 mail." in seeded_cli("deliveries", "settle", delivery_id, "--not-sent", "--yes").out
    application.clock.now = max(application.clock(), system_clock())
    calls = len(application.post.items)
    application.run(only="send_survey")
    assert [message.to.email for message in application.post.items[calls:]] == ["luc@example.com"]
    refused = seeded_cli("deliveries", "settle", delivery_id, "--not-sent", "--yes")
    assert (refused.code, "it is succeeded and not in doubt" in unwrap(refused.out)) == (1, True)


def test_only_mail_in_doubt_is_settled(seeded_cli):
    assert "not in doubt" in seeded_cli("deliveries", "settle", dead_ticket_id(seeded_cli), "--sent").out
    assert seeded_cli("deliveries", "settle", "--all").code == 2
