"""What a vendor says about its clock and about ends of its calls is a finding of the connection's check."""

from __future__ import annotations

import sys
from datetime import timedelta
from email.utils import format_datetime
from importlib import import_module

import httpx
import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import Finding, hookimpl
from nps_connect.errors import PluginError
from nps_connect.plugins import Plugins
from nps_connect.services.operations.connection_checks import check_connection
from nps_connect.services.operations.vendor_findings import record_announced_ends

ENDS = """
[[ends]]
what = "webhooks of version 1"
on = 2027-01-31
setting = "events"
value = "webhook"
fix = "subscribe to version 2"
source = "https://vendor.example.com/changelog"
read = 2026-11-01
"""


class HttpCrm(FakeCrm):
    """A CRM whose check makes one call."""

    @hookimpl
    def nps_connector(self):
        return super().nps_connector().model_copy(update={"base_url": lambda _settings: "https://acme.example.com"})

    @hookimpl
    def nps_check(self, connection):
        connection.http.call("GET", "/me", action="check", idempotent=True)
        return [Finding(severity="ok", text="account 7")]


@pytest.fixture
def headers():
    return {}


@pytest.fixture
def application(ledger, clock, headers):
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={}, headers=headers))
    return ApplicationHarness(ledger, clock, transports={"crm": transport}, acme=HttpCrm())


def check(application, finding_id=None):
    findings = check_connection(application.ctx, "crm").findings
    return [finding for finding in findings if finding_id in (None, finding.id)]


@pytest.mark.parametrize(
    ("ahead", "severity", "text"),
    [
        (30, "ok", "clock within 30 s of Acme's"),
        (120, "warning", "this machine's clock is 120 s ahead of Acme's; signed webhooks are accepted for 300 s"),
        (-600, "error", "this machine's clock is 600 s behind Acme's; signed webhooks are accepted for 300 s"),
    ],
)
def test_the_clock_is_compared_with_the_vendor_s(application, clock, headers, ahead, severity, text):
    headers["date"] = format_datetime(clock() - timedelta(seconds=ahead), usegmt=True)
    [finding] = [finding for finding in check(application) if "clock" in finding.text]
    assert (finding.severity, finding.text, finding.subject) == (severity, text, "crm")
    assert finding.id == ("connection-check" if severity == "ok" else "clock-skew")


@pytest.mark.parametrize("date", [None, "soon"])
def test_an_unknown_vendor_time_says_nothing(application, headers, date):
    headers.update({"date": date} if date else {})
    assert [finding for finding in check(application) if "clock" in finding.text] == []


def test_an_end_announced_in_a_response_is_reported_until_it_is_not_repeated_for_a_month(application, clock, headers):
    headers |= {"sunset": "Mon, 01 Mar 2027 00:00:00 GMT", "link": '<https://acme.example.com/v2>; rel="sunset"'}
    [finding] = check(application, "vendor-announcement")
    assert finding.severity == "warning"
    assert finding.text == (
        "Acme announces in its responses that it discourages the calls of check and ends them on 2027-03-01; "
        "see https://acme.example.com/v2"
    )
    headers.clear()
    clock.forward("29d")
    assert check(application, "vendor-announcement") == [finding]
    clock.forward("2d")
    assert check(application, "vendor-announcement") == []


def test_an_end_that_has_come_is_an_error(application, headers):
    headers["sunset"] = "Sun, 01 Mar 2026 00:00:00 GMT"
    [finding] = check(application, "vendor-announcement")
    assert finding.severity == "error"


def test_an_end_is_logged_with_the_id_of_its_finding_once_a_day(application, clock, headers, caplog):
    headers["deprecation"] = "@1767225600"
    for _ in range(3):
        check(application)
        clock.forward("12h")
        record_announced_ends(application.ctx)
    lines = [record.getMessage() for record in caplog.records if "vendor_announcement" in record.getMessage()]
    assert lines == [
        "vendor_announcement connection=crm action=check ends_at=None finding=vendor-announcement",
        "vendor_announcement connection=crm action=check ends_at=None finding=vendor-announcement",
    ]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a plugin package with this `vendor_ends.toml` and return its module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(ends):
        folder = tmp_path / "acme_with_ends"
        folder.mkdir()
        (folder / "__init__.py").write_text(
            "from support.fake_vendors import FakeCrm\n_crm = FakeCrm()\n"
            "for _name in dir(_crm):\n"
            "    if _name.startswith('nps_'):\n        globals()[_name] = getattr(_crm, _name)\n",
            encoding="utf-8",
        )
        (folder / "vendor_ends.toml").write_text(ends, encoding="utf-8")
        monkeypatch.delitem(sys.modules, "acme_with_ends", raising=False)
        return import_module("acme_with_ends")

    return write


@pytest.mark.parametrize(
    ("days", "severity", "remaining"), [(0, "ok", "in 75 days"), (0, "warning", "in 75 days"), (80, "error", "over")]
)
def test_an_end_that_the_plugin_lists_is_reported_from_half_a_year_before(
    ledger, clock, package, days, severity, remaining
):
    ends = ENDS.replace("2027-01-31", "2028-01-31") if severity == "ok" else ENDS
    application = ApplicationHarness(ledger, clock, acme=package(ends))
    clock.forward(f"{days}d")
    [finding] = [finding for finding in check(application) if "webhooks of version 1" in finding.text]
    assert finding.severity == severity
    assert finding.fix == (None if severity == "ok" else "subscribe to version 2")
    if severity != "ok":
        assert finding.text == (
            f"Acme ends webhooks of version 1 on 2027-01-31 ({remaining}); "
            "announced at https://vendor.example.com/changelog"
        )


def test_an_end_concerns_only_connections_with_the_setting(ledger, clock, package):
    application = ApplicationHarness(ledger, clock, acme=package(ENDS.replace('"webhook"', '"poll"')))
    assert [finding for finding in check(application) if "version 1" in finding.text] == []


def test_an_invalid_list_of_ends_is_the_plugin_s_mistake(package):
    plugins = Plugins()
    plugins.register(package("[[ends]]\nwhat = 7\n"), "acme")
    with pytest.raises(PluginError, match=r"vendor_ends\.toml is invalid"):
        plugins.vendor_ends("acme")
