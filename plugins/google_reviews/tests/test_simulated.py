"""The simulated review page, opened through the plugin's own links."""

import httpx
import pytest

from nps_connect import SimulatedVendor, VendorRequest
from nps_connect.testing import VendorTransport
from nps_connect_google_reviews import nps_review_destination
from nps_connect_google_reviews.simulated import PLACE_ID, Simulated

MOUNT = "http://127.0.0.1:8041/google_reviews"


@pytest.fixture
def vendor() -> SimulatedVendor:
    return Simulated()


def visit(vendor, url, method="GET"):
    with httpx.Client(transport=VendorTransport(vendor, "/google_reviews")) as browser:
        return browser.request(method, url)


def test_visits_are_counted_by_place(vendor, google, invitation):
    google = google(place_id="ChIJheadquarters", base_url=MOUNT)
    url = nps_review_destination(connection=google, invitation=invitation()).url

    pages = [visit(vendor, url), visit(vendor, url)]

    assert [page.status_code for page in pages] == [200, 200]
    assert "ChIJheadquarters" in pages[0].text
    assert vendor.state() == {"visits": {"ChIJheadquarters": 2}}


def test_visits_by_short_address_are_counted(vendor, google, invitation):
    google = google(review_url="https://g.page/r/CexampleExample/review", base_url=MOUNT)

    visit(vendor, nps_review_destination(connection=google, invitation=invitation()).url)

    assert vendor.state() == {"visits": {"/r/CexampleExample/review": 1}}


def test_a_head_request_is_no_visit(vendor):
    assert visit(vendor, f"{MOUNT}/local/writereview?placeid=ChIJheadquarters", "HEAD").status_code == 200
    assert vendor.state() == {"visits": {}}


@pytest.mark.parametrize("path", ["/local/writereview", "/local/writereview?placeid=", "/", "/search"])
def test_other_pages_do_not_exist(vendor, path):
    assert visit(vendor, f"{MOUNT}{path}").status_code == 404
    assert vendor.state() == {"visits": {}}


def test_post_requests_are_rejected(vendor):
    assert vendor.handle(VendorRequest("POST", "/local/writereview", {"placeid": "ChIJx"})).status == 405


def test_a_place_id_is_escaped_in_the_page(vendor):
    page = vendor.handle(VendorRequest("GET", "/local/writereview", {"placeid": "<script>alert(1)</script>"}))

    assert b"<script>" not in page.body


def test_the_environment_points_at_the_simulated_page(vendor):
    assert vendor.environment(MOUNT, "google") == {
        "NPS_CONNECT_CONNECTIONS__GOOGLE__BASE_URL": MOUNT,
        "NPS_CONNECT_CONNECTIONS__GOOGLE__PLACE_ID": PLACE_ID,
    }
    assert "NPS_CONNECT_CONNECTIONS__GOOGLE_EU__BASE_URL" in vendor.environment(MOUNT, "google-eu")
