"""`nps-connect pause` and `resume`: stop and restart customer mail, a connection, or one action of it."""

import json

import pytest


@pytest.fixture
def seeded_cli(seeded_cli):
    """Two more promoters have just answered, so that two review invitations wait."""
    application = seeded_cli.application
    application.post.raising = []
    tokens = [application.surveyed(person, f"{person}@example.com") for person in ("ines", "hugo")]
    for token in tokens:
        application.answer(token, 9)
    application.run()
    return seeded_cli


def mails(cli):
    return [mail for mail in cli.application.post.items if mail.kind != "fallback"]


def test_all_customer_mail_stops_and_goes_on(seeded_cli):
    paused = seeded_cli("pause", "--reason", "wrong template")
    assert paused.out == (
        "All mail to customers is paused now; waiting: 2 deliveries.\nLet it go on with: nps-connect resume mail\n"
    )
    assert seeded_cli("pause").out.startswith("All mail to customers was paused already; ")
    assert seeded_cli("resume", "--dry-run").out == "Waiting: 2 deliveries; mail would reach 2 customers.\n"
    asked = seeded_cli("resume", answer="n\n")
    assert (asked.code, asked.out) == (1, "Waiting: 2 deliveries; mail would reach 2 customers.\n")
    assert "Let mail go to 2 customers?" in asked.err
    assert seeded_cli("resume", "--yes").out == (
        "Waiting: 2 deliveries; mail would reach 2 customers.\n"
        "All mail to customers goes on; it was paused because: wrong template.\n"
    )
    assert seeded_cli("resume").out == "All mail to customers was not paused.\n"


def test_nothing_leaves_while_paused(seeded_cli):
    seeded_cli("pause")
    before = len(mails(seeded_cli))
    seeded_cli.application.clock.forward("10d")
    seeded_cli.application.run()
    assert len(mails(seeded_cli)) == before
    seeded_cli("resume", "--yes")
    seeded_cli.application.run()
    assert len(mails(seeded_cli)) == before + 2


@pytest.mark.parametrize(
    ("scope", "meant", "name"),
    [
        ("team", "connection:team", "Everything on team"),
        ("connection:mail", "connection:mail", "Everything on mail"),
        ("queue:team/send_alert", "queue:team/send_alert", "Send_alert on team"),
        ("queue:team/poll", "queue:team/poll", "Poll on team"),
        ("mail", "mail", "All mail to customers"),
    ],
)
def test_scopes(seeded_cli, scope, meant, name):
    told = json.loads(seeded_cli("pause", scope, "--json").out)
    assert told == {"scope": meant, "paused": True, "changed": True, "waiting": told["waiting"]}
    assert seeded_cli("pause", scope).out.startswith(f"{name} was paused already")
    resumed = json.loads(seeded_cli("resume", scope, "--yes", "--json").out)
    assert (resumed["scope"], resumed["paused"], resumed["changed"]) == (meant, False, True)
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
