"""`connections check`: what an ops engineer hears about a portal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import nps_connect_hubspot as plugin
from nps_connect import AuthFailed, FilterUse
from nps_connect_hubspot.simulated.property_definitions import build_definition


def told(connection, severity):
    return [finding.text for finding in plugin.nps_check(connection) if finding.severity == severity]


def good(**more):
    return {"portal_timezone": "Europe/Paris", "calls_per_ten_seconds": 190, **more}


def test_a_healthy_connection(connecting, connection):
    findings = plugin.nps_check(connecting(**good()))
    assert {finding.severity for finding in findings} == {"ok"}
    text = "\n".join(finding.text for finding in findings)
    assert "portal 4242424 (STANDARD) at app-eu1.hubspot.com, time zone Europe/Paris" in text
    assert "service key" in text
    assert "649," in text
    assert "supported until 2028-03" in text


def test_it_writes_nothing(connecting, connection, vendor):
    before = vendor.state()["records"]
    plugin.nps_check(connecting(**good()))
    assert vendor.state()["records"] == before


def test_missing_scopes_are_named_one_by_one(connecting, connection, portal):
    portal.scopes -= {"crm.objects.contacts.write", "crm.objects.deals.read", "crm.schemas.contacts.read"}
    findings = plugin.nps_check(connecting(**good()))
    fixes = [finding.fix for finding in findings if finding.severity != "ok"]
    assert "add crm.objects.contacts.write to the key or app" in fixes
    assert "add crm.objects.deals.read to the key or app" in fixes


def test_a_token_of_another_portal(connecting, connection):
    assert any("belongs to portal 4242424" in text for text in told(connecting(**good(portal_id=1)), "error"))


def test_an_unknown_time_zone_of_the_portal(connecting, connection):
    [text] = told(connecting(**good(portal_timezone=None)), "warning")
    assert "Europe/Paris" in text


def test_an_unfinished_set_up(connecting):
    [text] = told(connecting(**good()), "error")
    assert "property:nps_score" in text


@pytest.mark.parametrize(("minutes", "severity"), [(2, "warning"), (10, "error")])
def test_a_clock_that_is_off(connecting, connection, vendor, clock, minutes, severity):
    healthy = connecting(**good())
    vendor.clock = lambda: clock() + timedelta(minutes=minutes)
    assert any("seconds apart" in text for text in told(healthy, severity))


def test_a_quota_that_is_nearly_used_up(connecting, connection, vendor):
    vendor.quotas.daily, vendor.quotas.used_today = 1000, 950
    assert any("calls of today are left" in text for text in told(connecting(**good()), "warning"))


def test_a_quota_setting_beyond_the_tier(connecting, connection):
    assert any("allows 190 calls" in text for text in told(connecting(**good(calls_per_ten_seconds=250)), "warning"))


def test_a_version_that_ends_soon(connecting, connection, clock):
    clock.forward(timedelta(days=400))
    assert any("2027-09" in text for text in told(connecting(**good(api_version="2026-03")), "warning"))
    clock.forward(timedelta(days=400))
    assert any("2027-09" in text for text in told(connecting(**good(api_version="2026-03")), "error"))


def test_a_stage_that_no_pipeline_has(connecting, connection):
    [text] = told(connecting(**good(won_stages=["won"])), "error")
    assert text == "no pipeline has the stage won of won_stages"


def test_webhooks_that_could_be_of_any_portal_or_replayed(connecting, connection):
    texts = told(connecting(**good(events="webhook", portal_id=None, signatures=["v3", "v1"])), "warning")
    assert any("portal_id is not set" in text for text in texts)
    assert any("version v1" in text for text in texts)


def test_a_wrong_token(connecting):
    with pytest.raises(AuthFailed):
        plugin.nps_check(connecting(access_token="pat-na1-wrong"))


def test_a_token_that_looks_short_lived(connecting, connection, monkeypatch):
    monkeypatch.setattr("nps_connect_hubspot.simulated.vendor.TOKEN", "CJS-short-lived")
    assert any("30 minutes" in text for text in told(connecting(**good(access_token="CJS-short-lived")), "warning"))


def asking(connection, **fields):
    kinds = {name: (kind,) if kind else () for name, kind in fields.items()}
    return replace(connection, filters=(FilterUse(trigger="large deals", on="deal.won", fields=kinds),))


def test_properties_that_filters_name_are_looked_for(connecting, connection, portal):
    portal.definitions["deals"]["closed_on"] = build_definition("closed_on", "date", "date")
    asked = asking(connecting(**good()), amuont="number", closed_on="text", dealname="text")
    findings = [one for one in plugin.nps_check(asked) if "large deals" in one.text]
    assert [(one.severity, one.fix) for one in findings] == [
        ("error", "write 'amount'"),
        ("error", 'compare it with a moment such as d"2026-01-31T09:00:00Z"'),
    ]
    assert "'amuont', which HubSpot does not have for deal.won" in findings[0].text
    assert "'closed_on', which is a moment at HubSpot, but compares it as a text" in findings[1].text


def test_properties_that_are_there_are_told(connecting, connection, portal):
    portal.definitions["deals"]["closed_on"] = build_definition("closed_on", "date", "date")
    asked = asking(connecting(**good()), closed_on="moment", dealname=None)
    assert "the properties that filters name are there: closed_on, dealname" in told(asked, "ok")
