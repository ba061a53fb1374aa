"""`nps-connect pause` and `resume` of customer mail, a connection or a queue."""

import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def seeded_cli(seeded_cli):
    """The seeded database with two pending review invitations to new promoters."""
    application = seeded_cli.application
    application.post.raising = []
    tokens = [application.surveyed(person, f"{person}@example.com") for person in ("ines", "hugo")]
    for token in tokens:
        application.answer(token, 9)
    application.run()
    return seeded_cli


def customer_mails(cli):
    return [mail for mail in cli.application.post.items if mail.kind != "fallback"]


def test_pause_and_resume_all_customer_mail(seeded_cli):
    paused = seeded_cli("pause", "--reason", "wrong template")
    assert paused.out == (
        "All customer mail is now paused; waiting: 2 deliveries.\nTo resume: nps-connect resume mail\n"
    )
    assert seeded_cli("pause").out.startswith("All customer mail was already paused; ")
    assert seeded_cli("resume", "--dry-run").out == "Waiting: 2 deliveries; mail would reach 2 customers.\n"
    declined = seeded_cli("resume", answer="n\n")
    assert (declined.code, declined.out) == (1, "Waiting: 2 deliveries; mail would reach 2 customers.\n")
    assert "Send mail to 2 customers?" in declined.err
    assert seeded_cli("resume", "--yes").out == (
        "Waiting: 2 deliveries; mail would reach 2 customers.\n"
        "All customer mail resumed. Reason for the pause: wrong template.\n"
    )
    assert seeded_cli("resume").out == "All customer mail was not paused.\n"


def test_no_mail_is_sent_while_paused(seeded_cli):
    seeded_cli("pause")
    sent_before = len(customer_mails(seeded_cli))
    seeded_cli.application.clock.forward("10d")
    seeded_cli.application.run()
    assert len(customer_mails(seeded_cli)) == sent_before
    seeded_cli("resume", "--yes")
    seeded_cli.application.run()
    assert len(customer_mails(seeded_cli)) == sent_before + 2


@pytest.mark.parametrize(
    ("argument", "scope", "description"),
    [
        ("team", "connection:team", "Connection team"),
        ("connection:mail", "connection:mail", "Connection mail"),
        ("queue:team/send_alert", "queue:team/send_alert", "Queue send_alert of connection team"),
        ("queue:team/poll", "queue:team/poll", "Queue poll of connection team"),
        ("mail", "mail", "All customer mail"),
    ],
)
def test_scopes(seeded_cli, argument, scope, description):
    paused = json.loads(seeded_cli("pause", argument, "--json").out)
    assert (paused["scope"], paused["paused"], paused["changed"]) == (scope, True, True)
    assert (paused["marker"], paused["problem"]) == (None, None)
    assert seeded_cli("pause", argument).out.startswith(f"{description} was already paused")
    resumed = json.loads(seeded_cli("resume", argument, "--yes", "--json").out)
    assert (resumed["scope"], resumed["paused"], resumed["changed"]) == (scope, False, True)
    assert resumed["reason"] == "paused by the operator"


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("teem", "there is no connection 'teem'; allowed: mail, team; did you mean 'team'?"),
        ("connection:nobody", "there is no connection 'nobody'; allowed: mail, team"),
        ("queue:team/send_alerts", "there is no action 'send_alerts'; allowed: "),
        ("queue:team", "'queue:team' is not a scope; allowed: mail, CONNECTION, connection:CONNECTION, "),
        ("survey:x", "there is no survey 'x'; allowed: after-purchase"),
        ("person:x", "'person:x' is not a scope"),
    ],
)
def test_unknown_scopes_are_usage_errors(seeded_cli, scope, sentence):
    for command in ("pause", "resume"):
        result = seeded_cli(command, scope)
        assert result.code == 2
        assert sentence in " ".join(result.err.split())


def test_resume_does_not_wait_long_for_a_locked_database(configured_cli, monkeypatch):
    configured_cli("db", "create")
    configured_cli("pause")
    monkeypatch.setattr("nps_connect.cli.resume.LOCK_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(configured_cli.folder / "nps-connect.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        result = configured_cli("resume", "--yes")
    assert (result.code, "the database is locked by another process" in result.err) == (2, True), result
    assert configured_cli("resume", "--yes").code == 0
