"""Proposals for payloads of many trades: which parts are found, and that nothing is lost without a word."""

import json
import tomllib
from pathlib import Path

import pytest
from support.builtin_webhook import build_connection

from nps_connect.builtin.webhook.learner import propose_mappings

SAMPLES = Path(__file__).with_name("samples")
EXPECTED = tomllib.loads((SAMPLES / "expected.toml").read_text(encoding="utf-8"))


def propose(*names):
    """Return the proposal for sample files."""
    contents = {name: json.loads((SAMPLES / name).read_text(encoding="utf-8")) for name in names}
    return propose_mappings("shop", build_connection().settings, contents, "Europe/Paris")


def read_parts(proposal):
    """Return the parts of the first proposed mapping by name, as in `expected.toml`."""
    tables = tomllib.loads(proposal.toml).get("connections", {}).get("shop", {}).get("incoming", {}).get("mappings")
    if not tables:
        return {}
    [table, *_] = tables
    moment, total = table.get("occurred_at"), table.get("fields", {}).get("total", {})
    moment = moment["expression"] if isinstance(moment, dict) else moment
    return {**table, **table["person"], "occurred_at": moment, "total": total.get("expression")}


@pytest.mark.parametrize("form", EXPECTED)
def test_the_parts_that_a_proposal_finds(form):
    expected = EXPECTED[form]
    names = sorted(path.name for path in SAMPLES.glob(f"{form}-*.json"))
    proposal = propose(*names)
    parts = read_parts(proposal)
    misses = [part for part, expression in expected["parts"].items() if parts.get(part) != expression]
    assert misses == expected.get("misses", [])
    ignored = [name for name in names if any(remark.startswith(f"{name}: ignored") for remark in proposal.remarks)]
    assert ignored == expected.get("ignored", [])
    problems = expected.get("problems", [])
    assert len(problems) == len(proposal.problems)
    assert all(problem in text for problem, text in zip(problems, proposal.problems, strict=True))


def test_a_canceled_entry_of_a_list_is_left_out_and_named():
    [remark] = propose("marketplace-1.json").remarks
    assert remark.startswith("marketplace-1.json: entries left out because of")
    assert "state == 'CANCELED'" in remark


def order(number, **change):
    return {"type": "order.paid", "id": number, "paid_at": "2026-03-02T09:00:00Z", "email": "a@example.com", **change}


def problems_of(*contents):
    samples = {f"{index}.json": content for index, content in enumerate(contents)}
    return propose_mappings("shop", build_connection().settings, samples, "UTC").problems


def test_two_payloads_that_become_one_event_are_a_problem_that_names_both():
    assert problems_of(order(1), order(2)) == ()
    assert problems_of(order(1), order(1)) == ()
    [problem] = problems_of(order(1, reference="A"), order(1, reference="A", email="b@example.com"))
    assert problem.startswith("0.json, 1.json: no id of the object was found that differs between samples")


def test_a_payload_without_moment_is_a_problem():
    [problem] = problems_of(order(1, paid_at=None))
    assert problem == "0.json: no moment was found, so that the moment of receipt is used: set occurred_at"


def test_a_guessed_kind_is_a_problem_and_a_comment():
    content = {"id": 1, "sold_at": "2026-03-02T09:00:00Z", "email": "a@example.com"}
    proposal = propose_mappings("shop", build_connection().settings, {"0.json": content}, "UTC")
    assert len(proposal.problems) == 1
    assert "# review: nothing says what happened; the kind order.completed is a guess" in proposal.toml


def test_the_zone_of_a_time_without_offset_is_the_company_s_and_a_remark():
    proposal = propose("invoice-1.json")
    assert proposal.remarks == ("invoice-1.json: piece.date_reglement has no offset; its zone Europe/Paris is a guess",)
    assert 'zone = "Europe/Paris"' in proposal.toml
