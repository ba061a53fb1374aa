"""`nps-connect tail`: what is new, filtered, until Ctrl-C."""

import json

import pytest

SINCE = ("--since", "2020-01-01")


@pytest.fixture
def tail(seeded_cli, monkeypatch):
    """Run `tail` until it waits for the second time; what the step does happens in between."""

    def run(*arguments, step=lambda: None):
        waits = []

        def sleep(_seconds):
            waits.append(True)
            if len(waits) == 2:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr("nps_connect.cli.tail.time.sleep", sleep)
        return seeded_cli("tail", *arguments)

    return run


def test_it_begins_with_the_past_if_asked_and_ends_on_an_interrupt(tail):
    result = tail(*SINCE)
    assert result.code == 130
    assert "Traceback" not in result.err
    kinds = [line.split()[3] for line in result.out.splitlines()]
    assert {"event", "decision", "delivery", "response"} == set(kinds)
    assert "open_ticket on helpdesk: rejected (the form is closed); now dead" in result.out


def test_without_a_start_only_what_is_new_is_shown_once(tail, seeded_cli):
    application = seeded_cli.application

    def step():
        application.crm.knows("9", "zoe@example.com")
        application.webhook(application.won("9"))
        application.run()

    lines = tail(step=step).out.splitlines()
    assert [line.split()[3] for line in lines] == ["event", "decision", "delivery"]


def test_it_is_filtered_by_kind_connection_and_person(tail):
    result = tail(*SINCE, "--kind", "delivery", "--connection", "helpdesk")
    out = result.out
    assert {line.split()[3] for line in out.splitlines()} == {"delivery"}
    assert "write_score" not in out
    out = tail(*SINCE, "--kind", "response", "--contact", "marie@example.com").out
    assert "score 10" in out
    assert len(out.splitlines()) == 1


def test_json_has_one_object_per_line(tail):
    entries = [json.loads(line) for line in tail(*SINCE, "--kind", "decision", "--json").out.splitlines()]
    assert {entry["kind"] for entry in entries} == {"decision"}
    assert all(entry["facts"]["verdict"] for entry in entries)
