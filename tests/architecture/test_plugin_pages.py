"""The pages for plugin authors say something about everything that they list."""

from __future__ import annotations

import re
import sys

import pytest

from nps_connect.connection import system_clock
from nps_connect.outcomes import error_for_status
from nps_connect.records.event_kinds import LIFECYCLE_EVENT_KINDS
from nps_connect.records.events import CONTACT_EVENT_KINDS, TICKET_EVENT_KINDS


@pytest.fixture
def generators(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "generators"]:
        del sys.modules[name]


@pytest.mark.usefixtures("generators")
def test_every_field_of_a_public_record_has_a_meaning():
    from generators import records

    classes = records.public_records()
    assert len(classes) > 40
    assert [
        f"{record.__name__}.{name}"
        for record in classes
        for name, _, _ in records.iter_fields(record)
        if not records.meaning(record, name)
    ] == []


@pytest.mark.usefixtures("generators")
def test_every_hook_has_an_example_and_every_rule_its_reason(root):
    from generators import rule_notes

    from nps_connect.testing import RULES

    page = (root / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    for section in page.split("\n### ")[1:]:
        assert "**Example**" in section, section.partition("\n")[0]
    assert sorted(rule_notes.NOTES) == sorted(rule.name for rule in RULES)


def test_the_event_kinds_page_lists_what_the_application_acts_upon():
    assert {kind.name for kind in LIFECYCLE_EVENT_KINDS} == CONTACT_EVENT_KINDS | TICKET_EVENT_KINDS


def test_the_table_of_statuses_is_the_one_of_the_client(root):
    page = (root / "docs" / "plugins" / "http-client.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:\d{3}(?:, )?)+) \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    documented = {
        (int(status), idempotent): name
        for statuses, *names in rows
        for status in statuses.split(", ")
        for idempotent, name in zip((True, False), names, strict=True)
    }
    assert len(documented) == 16
    for (status, idempotent), name in documented.items():
        error = error_for_status(
            status,
            title="Acme",
            idempotent=idempotent,
            overrides={},
            after=None,
            quota="general",
            now=system_clock(),
        )
        assert type(error).__name__ == name, status
