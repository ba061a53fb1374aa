from __future__ import annotations

import tomllib

from nps_connect.connection import ConnectionSettings
from nps_connect.records.connectors import ConnectorInfo, ExampleConfiguration
from nps_connect.sandbox.capabilities import EventSource, detect_capabilities
from nps_connect.sandbox.demo_overrides import build_demo_overrides

TABLE = tomllib.loads("""
[connections]
helpdesk = { plugin = "desk" }
crm = { plugin = "acme" }
team = { plugin = "bell" }
places = { plugin = "stars" }

[[triggers]]
on = "ticket.solved"
from = "helpdesk"
[[triggers]]
on = "deal.won"
from = "crm"
[[triggers]]
on = "shift.ended"
from = "team"

[[routes]]
do = "write_score"
via = "crm"
[[routes]]
do = "open_ticket"
via = "helpdesk"
[[routes]]
do = "send_alert"
via = "team"
[[routes]]
do = "invite_review"
via = "places"
""")


def info(name, *, webhooks):
    example = ExampleConfiguration(connection=name, table="")
    return ConnectorInfo(name=name, title=name, settings=ConnectionSettings, webhooks=webhooks, example=example)


INFOS = {name: info(name, webhooks=name in ("desk", "acme")) for name in ("desk", "acme", "bell", "stars")}


def test_parts_are_cast_by_routes_and_by_what_plugins_declare():
    roles = detect_capabilities(TABLE, INFOS, {"desk", "acme", "bell"})
    assert (roles.scores, roles.tickets, roles.alerts, roles.reviews) == ("acme", "desk", "bell", True)
    assert roles.crm == "acme"
    assert roles.missing == ()


def test_events_come_first_from_where_scores_go_and_only_by_webhook():
    roles = detect_capabilities(TABLE, INFOS, {"desk", "acme", "bell"})
    assert roles.sources == (EventSource("crm", "acme", "deal.won"), EventSource("helpdesk", "desk", "ticket.solved"))


def test_a_missing_vendor_is_told_and_nobody_plays_its_part():
    roles = detect_capabilities(TABLE, INFOS, {"acme"})
    assert (roles.scores, roles.tickets, roles.alerts) == ("acme", None, None)
    assert any("tickets" in sentence for sentence in roles.missing)
    assert any("alerts" in sentence for sentence in roles.missing)
    assert len(roles.missing) == 2


def test_an_empty_configuration_has_no_parts():
    roles = detect_capabilities({}, {}, set())
    assert (roles.sources, roles.crm, roles.reviews) == ((), None, False)
    assert len(roles.missing) == 5


def test_haste_shortens_every_delay_and_goes_live_on_this_machine():
    overrides = build_demo_overrides(TABLE, "http://127.0.0.1:8123")
    assert overrides["NPS_CONNECT_CORE__LISTEN"] == "127.0.0.1:8123"
    assert overrides["NPS_CONNECT_CORE__MODE"] == "live"
    delays = {name for name in overrides if name.endswith("__DELAY")}
    assert delays == {f"NPS_CONNECT_TRIGGERS__{number}__DELAY" for number in (1, 2, 3)} | {
        f"NPS_CONNECT_ROUTES__{number}__DELAY" for number in (1, 2, 3, 4)
    }
