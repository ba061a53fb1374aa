"""`nps-connect deliveries`: what went out, what did not and why, and trying again."""

import json

import pytest


def listed(cli, *arguments):
    return json.loads(cli("deliveries", "list", "--json", *arguments).out)


def dead_ticket(cli):
    [row] = listed(cli, "--state", "dead")
    return str(row["id"])


def held_mail(cli):
    [row] = listed(cli, "--state", "held")
    return str(row["id"])


def test_the_list_is_newest_first_and_says_what_happened(seeded_cli):
    rows = listed(seeded_cli)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    shown = seeded_cli("deliveries", "list").out
    assert "the form is closed" in shown
    assert "it may have been sent already" in shown
    assert "Desk-" not in shown.splitlines()[0]


def test_the_list_can_be_filtered(seeded_cli):
    assert {row["action"] for row in listed(seeded_cli, "--action", "write_score")} == {"write_score"}
    assert {row["connection"] for row in listed(seeded_cli, "--connection", "helpdesk")} == {"helpdesk"}
    assert {row["state"] for row in listed(seeded_cli, "--state", "dead", "--state", "held")} == {"dead", "held"}
    assert seeded_cli("deliveries", "list", "--connection", "nobody").out == "no deliveries\n"


def test_a_long_list_is_cut_and_says_so(seeded_cli):
    assert len(listed(seeded_cli, "--limit", "2")) == 2
    assert seeded_cli("deliveries", "list", "--limit", "2").out.endswith("There are more; show them with --limit 20.\n")


def test_an_unknown_action_is_a_usage_error(seeded_cli):
    result = seeded_cli("deliveries", "list", "--action", "open_tickets")
    assert result.code == 2
    assert "open_ticket, update_ticket, " in result.err


def test_one_delivery_with_every_try_and_no_personal_data(seeded_cli):
    told = json.loads(seeded_cli("deliveries", "show", dead_ticket(seeded_cli), "--json").out)
    assert told["contact"] == "crm:3"
    assert told["survey"] == "after-purchase"
    [attempt] = told["tries"]
    assert (attempt["outcome"], attempt["status"], attempt["request_id"]) == ("rejected", 422, "req-1")
    assert attempt["exchange"] == {"path": "/tickets"}
    shown = seeded_cli("deliveries", "show", dead_ticket(seeded_cli)).out
    assert "rejected, status 422, request req-1" in shown
    assert '{"path": "/tickets"}' in shown
    assert "example.com" not in shown


def test_a_delivery_that_is_not_there(seeded_cli):
    result = seeded_cli("deliveries", "show", "4711")
    assert (result.code, result.err) == (1, "Error: there is no delivery 4711; see: nps-connect deliveries list\n")


def test_retry_makes_it_due_now(seeded_cli):
    number = dead_ticket(seeded_cli)
    result = seeded_cli("deliveries", "retry", number)
    assert result.code == 0
    assert "1 of 1 can be tried again; mail would reach 0 customers.\n" in result.out
    assert result.out.endswith("Due now: 1 delivery.\n")
    seeded_cli.application.clock.forward("3650d")
    seeded_cli.application.run(only="open_ticket")
    assert json.loads(seeded_cli("deliveries", "show", number, "--json").out)["state"] == "succeeded"


def test_a_dry_run_changes_nothing(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--dry-run")
    assert result.code == 0
    assert "1 of 2 can be tried again; mail would reach 0 customers.\n" in result.out
    told = seeded_cli("deliveries", "retry", "--all", "--dry-run", "--even-if-sent").out
    assert "2 of 2 can be tried again; mail would reach 1 customer.\n" in told
    assert len(listed(seeded_cli, "--state", "dead", "--state", "held")) == 2


@pytest.mark.parametrize(("answer", "state", "code"), [("n\n", "held", 1), ("y\n", "pending", 0)])
def test_mail_to_customers_is_asked_about(seeded_cli, answer, state, code):
    number = held_mail(seeded_cli)
    refused = seeded_cli("deliveries", "retry", number)
    assert (refused.code, "it may have been sent already" in refused.out) == (1, True)
    result = seeded_cli("deliveries", "retry", number, "--even-if-sent", answer=answer)
    assert result.code == code
    assert "Send mail to 1 customer?" in result.err
    assert json.loads(seeded_cli("deliveries", "show", number, "--json").out)["state"] == state


def test_yes_does_not_ask(seeded_cli):
    told = json.loads(seeded_cli("deliveries", "retry", "--all", "--even-if-sent", "--yes", "--json").out)
    assert told["customers"] == 1
    assert [(one["retried"], one["state"]) for one in told["deliveries"]] == [(True, "pending")] * 2


def test_all_can_be_narrowed(seeded_cli):
    told = json.loads(seeded_cli("deliveries", "retry", "--all", "--connection", "helpdesk", "--dry-run", "--json").out)
    assert [one["action"] for one in told["deliveries"]] == ["open_ticket"]


def test_what_cannot_be_retried_says_why_and_fails(seeded_cli):
    done = next(row for row in listed(seeded_cli, "--state", "succeeded"))
    result = seeded_cli("deliveries", "retry", str(done["id"]))
    assert result.code == 1
    assert "it is succeeded; only dead and held deliveries are tried again" in result.out


def test_nothing_to_retry_is_fine(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--connection", "nobody")
    assert result.code == 0
    assert result.out.startswith("nothing is dead or held\n")


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["--connection", "crm"], ["1", "--action", "open_ticket"]])
def test_ids_or_all_but_not_neither_nor_both(seeded_cli, arguments):
    result = seeded_cli("deliveries", "retry", *arguments)
    assert result.code == 2
    assert "name deliveries by ID, or choose with --all" in result.err


def test_unknown_ids_are_named(seeded_cli):
    assert seeded_cli("deliveries", "retry", "4711", "4712").err == "Error: there is no delivery 4711, 4712\n"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--error", "rejected"], 1),
        (["--error", "FORM is closed"], 1),
        (["--error", "100%"], 0),
        (["--since", "2026-11-17"], 1),
        (["--until", "2026-11-17T09:00"], 0),
        (["--until", "3650d"], 0),
    ],
)
def test_error_and_period_narrow_the_choice(seeded_cli, filters, found):
    told = json.loads(
        seeded_cli("deliveries", "retry", "--all", "--action", "open_ticket", "--dry-run", "--json", *filters).out
    )
    assert len(told["deliveries"]) == found


def test_a_moment_that_is_none_is_a_usage_error(seeded_cli):
    result = seeded_cli("deliveries", "retry", "--all", "--since", "yesterday")
    assert (result.code, "is not a moment" in result.err) == (2, True)


def test_cancelling_ends_it_for_good_and_frees_nothing_that_may_have_been_sent(seeded_cli):
    number = dead_ticket(seeded_cli)
    assert seeded_cli("deliveries", "cancel", number, answer="n\n").code == 1
    assert "1 of 1 can be cancelled." in seeded_cli("deliveries", "cancel", number, "--dry-run").out
    assert seeded_cli("deliveries", "cancel", number, "--yes").out.endswith("Cancelled: 1 delivery.\n")
    told = json.loads(seeded_cli("deliveries", "show", number, "--json").out)
    assert (told["state"], told["last_error"]) == ("cancelled", "cancelled by the operator; before: the form is closed")
    again = seeded_cli("deliveries", "cancel", number, "--yes")
    assert (again.code, "it is cancelled" in again.out) == (1, True)
