"""`approvals`: a person sees a plan and its people, and approves it in a terminal only; `mcp` is off by default."""

from __future__ import annotations

import json
import os
import pty
import sys

import pytest
from support.assistant import Assistant
from support.command_process import PROGRAM

from nps_connect.cli import mcp


@pytest.fixture
def plan(seeded_cli):
    """A plan to retry the dead ticket of Jean."""
    assistant = Assistant(seeded_cli.application, "reports:read")
    return assistant.call("plan_retry_deliveries", state="dead")["plan"]


def states(cli):
    return [row["state"] for row in json.loads(cli("deliveries", "list", "--state", "dead", "--json").out)["items"]]


def test_plans_are_listed_and_shown_with_their_people(seeded_cli):
    assistant = Assistant(seeded_cli.application)
    [marie] = [item for item in assistant.call("responses")["items"] if item["score"] == 10]
    plan = assistant.call("plan_ask_people", survey="after-purchase", people=[marie["contact"]["pseudonym"]])["plan"]
    [row] = json.loads(seeded_cli("approvals", "list", "--json").out)["items"]
    assert (row["id"], row["kind"], row["people"], row["planned_by"]) == (plan, "ask_people", 1, "assistant")
    assert plan in seeded_cli("approvals", "list").out
    shown = json.loads(seeded_cli("approvals", "show", plan, "--json").out)
    assert shown["reaches"] == [{"contact": "crm:1", "person": "marie@example.com"}]
    assert "marie@example.com" in seeded_cli("approvals", "show", plan).out
    assert "there is no plan 'x'" in seeded_cli("approvals", "show", "x").err


def test_without_a_terminal_nothing_is_approved_whatever_the_input(seeded_cli, plan):
    before = states(seeded_cli)
    for arguments in ((plan,), (plan, "--json")):
        refused = seeded_cli("approvals", "approve", *arguments, answer="0\ny\nyes\n")
        assert (refused.code, "only be approved by a person in a terminal" in refused.err) == (1, True)
    assert seeded_cli("approvals", "approve", plan, "--yes").code == 2
    assert states(seeded_cli) == before
    assert seeded_cli("approvals", "reject", plan).out == f"Rejected plan {plan}.\n"
    again = seeded_cli("approvals", "reject", plan)
    assert (again.code, f"plan {plan} was rejected at" in again.err) == (1, True)


def run_in_terminal(folder, *arguments, answer):
    """Run a command in a terminal of its own, type an answer at its question, and return what it printed."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover  # the child
        os.chdir(folder)
        os.execve(sys.executable, [*PROGRAM, *arguments], {**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email"})
    output, has_answered = b"", False
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the child has ended
            part = b""
        if not part:
            break
        output += part
        if not has_answered and b"type that number" in output:
            os.write(terminal, answer)
            has_answered = True
    os.waitpid(pid, 0)
    os.close(terminal)
    return output.decode()


def test_a_person_in_a_terminal_types_the_number_of_people(start, configured_cli):
    from nps_connect.connection import system_clock
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.services.approvals.approvals import store_plan
    from nps_connect.services.assistants.plan_handler import PlannedEffect, digest
    from nps_connect.services.assistants.plans import _plan_hash

    arguments = {"scope": "mail"}
    effect = PlannedEffect((), 0, digest("pause", "mail", False))
    ledger = Ledger(f"sqlite:///{configured_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        store_plan(
            session,
            public_id="7f3c9a21d0",
            kind="pause",
            plan={"arguments": arguments, "contacts": []},
            plan_hash=_plan_hash("pause", arguments, effect),
            people=0,
            items=0,
            planned_by="assistant",
            now=system_clock(),
        )
    ledger.close()
    approve = "approvals", "approve", "7f3c9a21d0"
    assert "that is another number" in run_in_terminal(configured_cli.folder, *approve, answer=b"yes\n")
    assert "mail is now paused" in run_in_terminal(configured_cli.folder, *approve, answer=b"0\n")
    [audit] = [
        row for row in json.loads(configured_cli("audit", "list", "--json").out)["items"] if "plan" in row["object"]
    ]
    assert audit["object"] == "plan:7f3c9a21d0, pause, planned by api:assistant"


def test_the_server_is_off_needs_its_extra_and_a_valid_key(configured_cli, monkeypatch):
    pytest.importorskip("mcp")
    assert configured_cli("db", "create").code == 0
    off = configured_cli("mcp")
    assert (off.code, "assistants.enabled" in off.err) == (2, True)
    config = configured_cli.folder / "nps-connect.toml"
    config.write_text(config.read_text() + "\n[assistants]\nenabled = true\n")
    assert "put an API key into NPS_CONNECT_API_KEY" in configured_cli("mcp").err
    unknown = configured_cli("mcp", NPS_CONNECT_API_KEY=f"npsc_00000000_{'x' * 43}")
    assert (unknown.code, "is unknown or has expired" in unknown.err) == (1, True)
    monkeypatch.setattr(mcp, "find_spec", lambda name: None)
    missing = configured_cli("mcp")
    assert (missing.code, "pip install 'nps-connect[mcp]'" in missing.err) == (1, True)
