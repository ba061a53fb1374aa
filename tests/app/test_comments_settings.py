"""Mistakes in `[comments]` are named with what to do."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect.errors import ConfigErrors


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("comments", "reason"),
    [
        ({"classifier": "nobody"}, "comments.classifier: there is no connection 'nobody'; name one of the connections"),
        ({"classifier": "crm"}, "of the connection 'crm' does not classify comments; remove comments.classifier"),
        ({"themes": "/nowhere/themes.toml"}, "comments.themes: cannot read /nowhere/themes.toml"),
    ],
)
def test_a_mistake_is_named(ledger, clock, comments, reason):
    with pytest.raises(ConfigErrors) as raised:
        ApplicationHarness(ledger, clock, {"comments": comments})
    assert reason in raised.value.sentence()
