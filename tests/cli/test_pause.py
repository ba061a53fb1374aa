"""`nps-connect pause` and `resume`: stop and restart customer mail, a connection, or one action of it."""

import json

import pytest


@pytest.fixture
def stocked(stocked):
    """Two more promoters have just answered, so that two review invitations wait."""
    house = stocked.house
    house.post.raising = []
    tokens = [house.surveyed(person, f"{person}@example.com") for person in ("ines", "hugo")]
    for token in tokens:
        house.answer(token, 9)
    house.run()
    return stocked


def mails(cli):
    return [mail for mail in cli.house.post.items if mail.kind != "fallback"]


def test_all_customer_mail_stops_and_goes_on(stocked):
    paused = stocked("pause", "--reason", "wrong template")
    assert paused.out == (
        "All mail to customers is paused now; waiting: 2 deliveries.\nLet it go on with: nps-connect resume mail\n"
    )
    assert stocked("pause").out.startswith("All mail to customers was paused already; ")
    assert stocked("resume", "--dry-run").out == "Waiting: 2 deliveries; mail would reach 2 customers.\n"
    asked = stocked("resume", answer="n\n")
    assert (asked.code, asked.out) == (1, "Waiting: 2 deliveries; mail would reach 2 customers.\n")
    assert "Let mail go to 2 customers?" in asked.err
    assert stocked("resume", "--yes").out == (
        "Waiting: 2 deliveries; mail would reach 2 customers.\n"
        "All mail to customers goes on; it was paused because: wrong template.\n"
    )
    assert stocked("resume").out == "All mail to customers was not paused.\n"


def test_nothing_leaves_while_paused(stocked):
    stocked("pause")
    before = len(mails(stocked))
    stocked.house.clock.forward("10d")
    stocked.house.run()
    assert len(mails(stocked)) == before
    stocked("resume", "--yes")
    stocked.house.run()
    assert len(mails(stocked)) == before + 2


@pytest.mark.parametrize(
    ("scope", "meant", "name"),
    [
        ("team", "connection:team", "Everything on team"),
        ("connection:mail", "connection:mail", "Everything on mail"),
        ("lane:team/send_alert", "lane:team/send_alert", "Send_alert on team"),
        ("lane:team/poll", "lane:team/poll", "Poll on team"),
        ("mail", "mail", "All mail to customers"),
    ],
)
def test_scopes(stocked, scope, meant, name):
    told = json.loads(stocked("pause", scope, "--json").out)
    assert told == {"scope": meant, "paused": True, "changed": True, "waiting": told["waiting"]}
    assert stocked("pause", scope).out.startswith(f"{name} was paused already")
    resumed = json.loads(stocked("resume", scope, "--yes", "--json").out)
    assert (resumed["scope"], resumed["paused"], resumed["changed"]) == (meant, False, True)
    assert resumed["reason"] == "paused by the operator"


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("teem", "there is no connection 'teem'; allowed: mail, team; did you mean 'team'?"),
        ("connection:nobody", "there is no connection 'nobody'; allowed: mail, team"),
        ("lane:team/send_alerts", "there is no action 'send_alerts'; allowed: "),
        ("lane:team", "'lane:team' is not a scope; allowed: mail, CONNECTION, connection:CONNECTION, "),
        ("survey:x", "there is no survey 'x'; allowed: after-purchase"),
        ("person:x", "'person:x' is not a scope"),
    ],
)
def test_unknown_scopes_are_usage_errors(stocked, scope, sentence):
    for command in ("pause", "resume"):
        result = stocked(command, scope)
        assert result.code == 2
        assert sentence in " ".join(result.err.split())
