from __future__ import annotations

import tomllib

from nps_connect.connection import ConnectionSettings
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.examples import ExampleConfiguration
from nps_connect.sandbox.capabilities import EventSource, detect_capabilities
from nps_connect.sandbox.demo import build_demo_overrides

CONFIGURATION = tomllib.loads("""
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


def build_info(name, *, webhooks):
    example = ExampleConfiguration(connection=name, table="")
    return ConnectorInfo(name=name, title=name, settings=ConnectionSettings, webhooks=webhooks, example=example)


INFOS = {name: build_info(name, webhooks=name in ("desk", "acme")) for name in ("desk", "acme", "bell", "stars")}


def test_routes_decide_which_vendor_receives_scores_tickets_and_alerts():
    capabilities = detect_capabilities(CONFIGURATION, INFOS, {"desk", "acme", "bell"})
    assert (capabilities.scores, capabilities.tickets, capabilities.alerts, capabilities.reviews) == (
        "acme",
        "desk",
        "bell",
        True,
    )
    assert capabilities.crm == "acme"
    assert capabilities.missing == ()


def test_events_come_first_from_the_crm_that_receives_scores_and_only_from_plugins_with_webhooks():
    capabilities = detect_capabilities(CONFIGURATION, INFOS, {"desk", "acme", "bell"})
    assert capabilities.sources == (
        EventSource("crm", "acme", "deal.won"),
        EventSource("helpdesk", "desk", "ticket.solved"),
    )


def test_a_vendor_without_simulation_is_reported_as_missing():
    capabilities = detect_capabilities(CONFIGURATION, INFOS, {"acme"})
    assert (capabilities.scores, capabilities.tickets, capabilities.alerts) == ("acme", None, None)
    assert any("tickets" in text for text in capabilities.missing)
    assert any("alerts" in text for text in capabilities.missing)
    assert len(capabilities.missing) == 2


def test_an_empty_configuration_has_no_capabilities():
    capabilities = detect_capabilities({}, {}, set())
    assert (capabilities.sources, capabilities.crm, capabilities.reviews) == ((), None, False)
    assert len(capabilities.missing) == 5


def test_the_overrides_shorten_every_delay():
    overrides = build_demo_overrides(CONFIGURATION)
    delays = {name for name in overrides if name.endswith("__DELAY")}
    assert delays == {f"NPS_CONNECT_TRIGGERS__{number}__DELAY" for number in (1, 2, 3)} | {
        f"NPS_CONNECT_ROUTES__{number}__DELAY" for number in (1, 2, 3, 4)
    }
