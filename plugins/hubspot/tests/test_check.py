"""The account check of a portal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import nps_connect_hubspot as plugin
from nps_connect import AuthFailed, FilterUse
from nps_connect.plugins import Plugins
from nps_connect_hubspot.simulated.property_definitions import build_definition


def finding_texts(connection, severity):
    return [finding.text for finding in plugin.nps_check(connection) if finding.severity == severity]


def healthy_settings(**more):
    return {"portal_timezone": "Europe/Paris", "calls_per_ten_seconds": 190, **more}


def test_a_healthy_connection_has_only_ok_findings(make_connection, connection):
    findings = plugin.nps_check(make_connection(**healthy_settings()))
    assert {finding.severity for finding in findings} == {"ok"}
    text = "\n".join(finding.text for finding in findings)
    assert "portal 4242424 (STANDARD) at app-eu1.hubspot.com, time zone Europe/Paris" in text
    assert "service key" in text
    assert "649," in text


def test_the_check_writes_nothing(make_connection, connection, vendor):
    before = vendor.state()["records"]
    plugin.nps_check(make_connection(**healthy_settings()))
    assert vendor.state()["records"] == before


def test_missing_scopes_are_named_one_by_one(make_connection, connection, portal):
    portal.scopes -= {"crm.objects.contacts.write", "crm.objects.deals.read", "crm.schemas.contacts.read"}
    findings = plugin.nps_check(make_connection(**healthy_settings()))
    fixes = [finding.fix for finding in findings if finding.severity != "ok"]
    assert "add crm.objects.contacts.write to the key or app" in fixes
    assert "add crm.objects.deals.read to the key or app" in fixes


def test_a_token_of_another_portal_is_an_error(make_connection, connection):
    assert any(
        "belongs to portal 4242424" in text
        for text in finding_texts(make_connection(**healthy_settings(portal_id=1)), "error")
    )


def test_a_missing_portal_time_zone_is_a_warning(make_connection, connection):
    [text] = finding_texts(make_connection(**healthy_settings(portal_timezone=None)), "warning")
    assert "Europe/Paris" in text


def test_a_missing_setup_is_an_error(make_connection):
    [text] = finding_texts(make_connection(**healthy_settings()), "error")
    assert "property:nps_score" in text


def test_a_nearly_used_up_quota_is_a_warning(make_connection, connection, vendor):
    vendor.quotas.daily, vendor.quotas.used_today = 1000, 950
    assert any(
        "calls of today are left" in text for text in finding_texts(make_connection(**healthy_settings()), "warning")
    )


def test_a_quota_setting_above_the_tier_is_a_warning(make_connection, connection):
    assert any(
        "allows 190 calls" in text
        for text in finding_texts(make_connection(**healthy_settings(calls_per_ten_seconds=250)), "warning")
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [("opt_out_properties", ["hs_email_optout", "newsletter_optout"]), ("language_property", "newsletter_optout")],
)
def test_a_contact_property_that_does_not_exist_is_an_error(make_connection, connection, setting, value):
    texts = finding_texts(make_connection(**healthy_settings(**{setting: value})), "error")
    assert texts == [f"contacts have no property newsletter_optout of {setting}"]


@pytest.mark.parametrize(("version", "day"), [("2026-03", date(2027, 9, 1)), ("2026-09", date(2028, 3, 1))])
def test_each_api_version_has_an_announced_end(make_connection, version, day):
    settings = make_connection(**healthy_settings(api_version=version)).settings
    [end] = [end for end in Plugins.load(only=["hubspot"]).vendor_ends("hubspot") if end.concerns(settings)]
    assert (end.on, end.fix) == (day, "choose a newer api_version")


def test_an_unknown_stage_is_an_error(make_connection, connection):
    [text] = finding_texts(make_connection(**healthy_settings(won_stages=["won"])), "error")
    assert text == "no pipeline has the stage won of won_stages"


def test_webhooks_of_any_portal_and_replayable_signatures_are_warnings(make_connection, connection):
    texts = finding_texts(
        make_connection(**healthy_settings(events="webhook", portal_id=None, signatures=["v3", "v1"])), "warning"
    )
    assert any("portal_id is not set" in text for text in texts)
    assert any("version v1" in text for text in texts)


def test_a_wrong_token_raises_auth_failed(make_connection):
    with pytest.raises(AuthFailed):
        plugin.nps_check(make_connection(access_token="pat-na1-wrong"))


def test_an_oauth_token_is_a_warning(make_connection, connection, monkeypatch):
    monkeypatch.setattr("nps_connect_hubspot.simulated.vendor.TOKEN", "CJS-short-lived")
    assert any(
        "30 minutes" in text
        for text in finding_texts(make_connection(**healthy_settings(access_token="CJS-short-lived")), "warning")
    )


def with_filter(connection, **fields):
    kinds = {name: (kind,) if kind else () for name, kind in fields.items()}
    return replace(connection, filters=(FilterUse(trigger="large deals", on="deal.won", fields=kinds),))


def test_properties_in_filters_are_compared_with_the_portal(make_connection, connection, portal):
    portal.definitions["deals"]["closed_on"] = build_definition("closed_on", "date", "date")
    filtered = with_filter(make_connection(**healthy_settings()), amuont="number", closed_on="text", dealname="text")
    findings = [finding for finding in plugin.nps_check(filtered) if "large deals" in finding.text]
    assert [(finding.severity, finding.fix) for finding in findings] == [
        ("error", "write 'amount'"),
        ("error", 'compare it with a moment such as d"2026-01-31T09:00:00Z"'),
    ]
    assert "'amuont', which HubSpot does not have for deal.won" in findings[0].text
    assert "'closed_on', which is a moment at HubSpot, but compares it as a text" in findings[1].text


def test_matching_filter_properties_are_an_ok_finding(make_connection, connection, portal):
    portal.definitions["deals"]["closed_on"] = build_definition("closed_on", "date", "date")
    filtered = with_filter(make_connection(**healthy_settings()), closed_on="moment", dealname=None)
    assert "the properties that filters name exist: closed_on, dealname" in finding_texts(filtered, "ok")
