"""All lists are one family: ids that `show` accepts, the same filters, pages, and names that are checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.ledger.workers import record_heartbeat
from nps_connect.services.suppressions.opt_out import apply_opt_outs

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
PAGED = ("deliveries", "events", "responses", "contacts", "suppressions", "bounces", "cases")
CONFIGURED = ("connections", "surveys", "triggers", "routes")
ID_KEYS = {"contacts": "contact", "plugins": "name", "connections": "name", "surveys": "name", "triggers": "name"}
SALES = 'triggers = [{on = "deal.won", from = "crm", survey = "after-purchase", name = "sales", delay = "3d"}]\n'


@pytest.fixture
def full_cli(seeded_cli):
    """Run commands on a database with at least one row in each list, and a configuration with a trigger."""
    path = seeded_cli.folder / "nps-connect.toml"
    path.write_text(f'{SALES}{path.read_text()}\n[connections.crm]\nplugin = "email"\n')
    ctx = seeded_cli.application.ctx
    with ctx.ledger.write() as session:
        apply_opt_outs(ctx, session, [mailbox_hash("anne@example.com")], reason="opted_out", source="letter")
        response, now = session.execute(select(ResponseRow).where(ResponseRow.score == 2)).scalars().one(), ctx.clock()
        case = {"connection": "helpdesk", "ticket_id": "T-1", "opened_at": now}
        session.add(CaseRow(response_id=response.id, contact_id=response.contact_id, **case))
        report = {"kind": "hard", "status": "5.1.1", "detail": "no such user", "source": "file", "at": now}
        mail = session.execute(select(DeliveryRow.id).where(DeliveryRow.connection == "mail").limit(1)).scalar()
        session.add(BounceRow(key="report-1", contact_id=response.contact_id, delivery_id=mail, **report))
        process = {"role": "run", "queues": [], "config_fingerprint": "0" * 12, "started_at": now, "now": now}
        record_heartbeat(session, "worker-1", **process)
        record_audit(session, Actor("cli", "jane"), "pause", "mail", now=now, reason="holidays")
    return seeded_cli


def items(cli, *arguments):
    result = cli(*arguments, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)["items"]


@pytest.mark.parametrize("noun", [*PAGED, *CONFIGURED, "audit", "plugins", "workers"])
def test_show_accepts_the_ids_of_the_list(full_cli, noun):
    for row in items(full_cli, noun, "list")[:2]:
        row_id = str(row[ID_KEYS.get(noun, "id")])
        shown = full_cli(noun, "show", row_id, "--json")
        assert shown.code == 0, shown.err
        details = json.loads(shown.out)
        details = details["items"][0] if noun == "contacts" else details
        assert str(details[ID_KEYS.get(noun, "id")]) == row_id
        assert full_cli(noun, "show", row_id).code == 0


@pytest.mark.parametrize("noun", [*PAGED, "connections"])
def test_the_page_about_json_names_exactly_the_keys(full_cli, noun):
    [row] = re.findall(rf"^\| `{noun} list` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = re.findall(r"`(\w+)`", row.partition(";")[0])
    assert documented == list(items(full_cli, noun, "list")[0])


@pytest.mark.parametrize("noun", ["deliveries", "events", "responses", "contacts"])
def test_pages_follow_each_other(full_cli, noun):
    first = json.loads(full_cli(noun, "list", "--limit", "2", "--json").out)
    following = json.loads(full_cli(noun, "list", "--limit", "100", "--cursor", first["next_cursor"], "--json").out)
    assert [*first["items"], *following["items"]] == items(full_cli, noun, "list")
    assert following["next_cursor"] is None


@pytest.mark.parametrize("noun", ["deliveries", "events", "responses", "contacts"])
def test_a_person_is_selected_and_shown(full_cli, noun):
    rows = items(full_cli, noun, "list", "--contact", "marie@example.com")
    assert {(row["contact"], row["person"]) for row in rows} == {("crm:1", "marie@example.com")}
    assert "marie@example.com" in full_cli(noun, "list").out
    assert full_cli(noun, "list", "--contact", "nobody@example.com").code == 1


@pytest.mark.parametrize("noun", ["deliveries", "events", "responses", "suppressions", "bounces", "cases"])
def test_a_period_is_selected(full_cli, noun):
    assert items(full_cli, noun, "list", "--until", "2020-01-01") == []
    assert full_cli(noun, "list", "--since", "soon").code == 2


@pytest.mark.parametrize(
    "noun", ["deliveries", "events", "responses", "contacts", "cases", "bounces", "suppressions", *CONFIGURED]
)
def test_an_unknown_connection_is_refused_with_the_nearest_name(full_cli, noun):
    result = full_cli(noun, "list", "--connection", "mial")
    assert (result.code, "did you mean 'mail'?" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["deliveries", "list", "--state", "heldd"], "held"),
        (["deliveries", "list", "--action", "open_tickets"], "open_ticket"),
        (["responses", "list", "--segment", "promotor"], "promoter"),
        (["responses", "list", "--survey", "after-purchas"], "after-purchase"),
        (["responses", "export", "--survey", "after-purchas"], "after-purchase"),
        (["report", "--survey", "after-purchas"], "after-purchase"),
        (["cases", "list", "--survey", "after-purchas"], "after-purchase"),
        (["surveys", "show", "after-purchas"], "after-purchase"),
        (["triggers", "show", "sale"], "sales"),
        (["triggers", "release", "sale"], "sales"),
        (["connections", "show", "mial"], "mail"),
        (["plugins", "show", "emial"], "email"),
        (["workers", "show", "worker-2"], "worker-1"),
        (["deliveries", "expedite", "--all", "--connection", "mial"], "mail"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest_one(full_cli, arguments, suggestion):
    result = full_cli(*arguments)
    assert (result.code, f"did you mean {suggestion!r}?" in result.err) == (2, True), result.err


def test_bounces_and_suppressions_of_one_connection(full_cli):
    """A bounce belongs to the connection that sent the mail, a suppression to those that have its contact."""
    assert len(items(full_cli, "bounces", "list", "--connection", "mail")) == 1
    assert items(full_cli, "bounces", "list", "--connection", "crm") == []
    suppressed = items(full_cli, "suppressions", "list", "--contact", "anne@example.com")[0]
    assert suppressed["contact"].startswith("crm:")
    assert suppressed in items(full_cli, "suppressions", "list", "--connection", "crm")
    assert items(full_cli, "suppressions", "list", "--connection", "mail") == []


def test_what_is_configured_no_more_can_still_be_selected(full_cli):
    assert {row["connection"] for row in items(full_cli, "deliveries", "list", "--connection", "helpdesk")} == {
        "helpdesk"
    }


def test_a_cursor_belongs_to_its_list(full_cli):
    cursor = json.loads(full_cli("deliveries", "list", "--limit", "1", "--json").out)["next_cursor"]
    assert "it belongs to another list: deliveries" in full_cli("events", "list", "--cursor", cursor).err
    for damaged in ("x", cursor[:-4], "W10"):
        assert full_cli("deliveries", "list", "--cursor", damaged).code == 2


@pytest.mark.parametrize("noun", [*PAGED, *CONFIGURED])
@pytest.mark.parametrize("width", ["80", "40"])
def test_lists_fit_the_terminal(full_cli, noun, width):
    lines = (
        full_cli(noun, "list", "--limit", "50", COLUMNS=width)
        if noun in PAGED
        else full_cli(noun, "list", COLUMNS=width)
    )
    assert max(map(len, lines.out.splitlines())) <= int(width)


def test_contacts_can_be_selected_by_state(full_cli):
    assert [row["contact"] for row in items(full_cli, "contacts", "list", "--state", "suppressed")] == ["crm:4"]
    assert len(items(full_cli, "contacts", "list", "--state", "active")) == 4


def test_attempts_are_counted_from_one(full_cli):
    [dead] = items(full_cli, "deliveries", "list", "--state", "dead")
    assert (dead["attempts"], dead["max_attempts"]) == (1, 16)
    assert "attempt 1 of 16; the form is closed" in full_cli("deliveries", "list", "--state", "dead").out
    assert {row["attempts"] for row in items(full_cli, "deliveries", "list", "--state", "succeeded")} == {1}


def test_expedite_says_why_a_delivery_waits_and_how_many_people_are_reached(full_cli):
    [held] = items(full_cli, "deliveries", "list", "--state", "held")
    refused = full_cli("deliveries", "expedite", str(held["id"]), "--json")
    [result] = json.loads(refused.out)["items"]
    assert (refused.code, result["possible"], result["person"]) == (1, False, "luc@example.com")
    assert result["refused"].startswith("it is held: it may have been sent already")
    expedited = full_cli("deliveries", "expedite", "--all", "--action", "write_opt_out").out
    assert "its delay is not over" in expedited
    assert expedited.endswith("1 delivery due now.\n")
    assert full_cli("deliveries", "expedite", "--all", "--action", "send_survey").out.startswith("nothing waits\n")


def test_a_survey_without_an_interval_has_no_reminders(seeded_cli):
    """`reminders` counts only where `reminder_after` is set."""
    assert json.loads(seeded_cli("surveys", "show", "after-purchase", "--json").out)["reminders"] == 0
