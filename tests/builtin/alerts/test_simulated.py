"""The simulated alert service."""

import pytest

from nps_connect import VendorRequest


def test_only_post_is_accepted(vendor):
    assert vendor.handle(VendorRequest("GET", "/team")).status == 405
    assert vendor.state() == {"alerts": []}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"title": "only"}', b'"text"'])
def test_invalid_bodies_are_refused(vendor, body):
    assert vendor.handle(VendorRequest("POST", "/team", body=body)).status == 400
    assert vendor.effects().alerts == ()


def test_the_address_is_below_the_mount_path(vendor):
    assert vendor.environment("http://127.0.0.1:8041/alerts/", "team") == {
        "ALERT_URL": "json://127.0.0.1:8041/alerts/team"
    }
