"""The simulated alert service."""

import pytest

from nps_connect import VendorRequest


def test_it_refuses_what_is_no_alert(vendor):
    assert vendor.handle(VendorRequest("GET", "/team")).status == 405
    assert vendor.state() == {"alerts": []}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"title": "only"}', b'"text"'])
def test_it_refuses_other_bodies(vendor, body):
    assert vendor.handle(VendorRequest("POST", "/team", body=body)).status == 400
    assert vendor.effects().alerts == ()


def test_its_address_is_under_its_mount(vendor):
    assert vendor.environment("http://127.0.0.1:8041/alerts/", "team") == {
        "ALERT_URL": "json://127.0.0.1:8041/alerts/team"
    }
