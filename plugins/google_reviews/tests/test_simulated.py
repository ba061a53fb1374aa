"""The simulated review page, as customers reach it from the plugin's own links."""

import httpx
import pytest

from nps_connect import SimulatedVendor, VendorRequest
from nps_connect.testing import VendorTransport
from nps_connect_google_reviews import nps_review_destination
from nps_connect_google_reviews.simulated import Simulated

MOUNT = "http://127.0.0.1:8041/google_reviews"


@pytest.fixture
def vendor() -> SimulatedVendor:
    return Simulated()


def visit(vendor, url, method="GET"):
    with httpx.Client(transport=VendorTransport(vendor, "/google_reviews")) as browser:
        return browser.request(method, url)


def test_a_customer_who_follows_the_link_is_seen_at_the_place(vendor, google, invitation):
    google = google(place_id="ChIJheadquarters", base_url=MOUNT)
    url = nps_review_destination(connection=google, invitation=invitation()).url

    pages = [visit(vendor, url), visit(vendor, url)]

    assert [page.status_code for page in pages] == [200, 200]
    assert "ChIJheadquarters" in pages[0].text
    assert vendor.state() == {"visits": {"ChIJheadquarters": 2}}


def test_short_addresses_lead_there_too(vendor, google, invitation):
    google = google(review_url="https://g.page/r/CexampleExample/review", base_url=MOUNT)

    visit(vendor, nps_review_destination(connection=google, invitation=invitation()).url)

    assert vendor.state() == {"visits": {"/r/CexampleExample/review": 1}}


def test_a_look_at_the_head_is_no_visit(vendor):
    assert visit(vendor, f"{MOUNT}/local/writereview?placeid=ChIJheadquarters", "HEAD").status_code == 200
    assert vendor.state() == {"visits": {}}


@pytest.mark.parametrize("path", ["/local/writereview", "/local/writereview?placeid=", "/", "/search"])
def test_other_pages_are_not_there(vendor, path):
    assert visit(vendor, f"{MOUNT}{path}").status_code == 404
    assert vendor.state() == {"visits": {}}


def test_nothing_can_be_posted(vendor):
    assert vendor.handle(VendorRequest("POST", "/local/writereview", {"placeid": "ChIJx"})).status == 405


def test_a_place_cannot_write_into_the_page(vendor):
    page = vendor.handle(VendorRequest("GET", "/local/writereview", {"placeid": "<script>alert(1)</script>"}))

    assert b"<script>" not in page.body


def test_its_environment_points_the_example_there(vendor):
    assert vendor.environment(MOUNT, "google") == {"NPS_CONNECT_CONNECTIONS__GOOGLE__BASE_URL": MOUNT}
    assert "NPS_CONNECT_CONNECTIONS__GOOGLE_EU__BASE_URL" in vendor.environment(MOUNT, "google-eu")
