"""`nps-connect responses show`: revisions, page views and bot signals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from nps_connect.cli.responses.list import unconfirmed_hint


def test_response_is_shown_with_page_views_and_bot_signals(seeded_cli):
    listed = seeded_cli("responses", "list", "--provisional").out
    assert "anne@example.com" in listed
    assert "suspected bot: opened within seconds" in listed
    [provisional] = json.loads(seeded_cli("responses", "list", "--provisional", "--json").out)["items"]
    shown = seeded_cli("responses", "show", provisional["id"]).out
    assert "GET survey score 0" in shown
    assert "[opened within seconds of the mail's delivery]" in shown
    assert "scale" in shown
    assert seeded_cli("responses", "show", "r-nothing").code == 1


def test_detractor_without_bot_signals_needs_attention_after_a_day():
    opened_at = datetime(2026, 11, 17, 9, tzinfo=UTC)
    row = {"segment": "detractor", "signs": [], "answered_at": opened_at}
    assert unconfirmed_hint(row, opened_at + timedelta(hours=23)) is None
    assert "needs attention" in unconfirmed_hint(row, opened_at + timedelta(hours=24))
    assert unconfirmed_hint({**row, "segment": "promoter"}, opened_at + timedelta(days=3)) is None
    assert "suspected bot" in unconfirmed_hint({**row, "signs": ["head"]}, opened_at + timedelta(days=3))
