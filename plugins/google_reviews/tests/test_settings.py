"""Settings: every mistake is reported."""

import pytest
from pydantic import ValidationError

from nps_connect_google_reviews.settings import GoogleReviewsSettings

PLACE = "ChIJexample_place-0001"


def settings(**table) -> GoogleReviewsSettings:
    return GoogleReviewsSettings.model_validate({"plugin": "google_reviews", **table})


@pytest.mark.parametrize(
    "table",
    [
        {"place_id": PLACE},
        {"place_id": f"  {PLACE} "},
        {"review_url": "https://g.page/r/CexampleExample/review"},
        {"review_url": "https://search.google.com/local/writereview?placeid=ChIJexample"},
        {"locations": {"lyon": PLACE}, "location_field": "store"},
        {"place_id": PLACE, "base_url": "http://127.0.0.1:8041/google_reviews"},
        {"place_id": PLACE, "base_url": "http://localhost:8041"},
        {"place_id": PLACE, "base_url": "http://[::1]:8041"},
        {"place_id": PLACE, "base_url": "https://reviews.example.com"},
    ],
)
def test_valid_tables_are_accepted(table):
    assert settings(**table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "set place_id or review_url"),
        ({"place_id": PLACE, "review_url": "https://g.page/r/x/review"}, "not both"),
        ({"place_id": ""}, "not a place id"),
        ({"place_id": "short"}, "not a place id"),
        ({"place_id": "ChIJ with spaces"}, "not a place id"),
        ({"place_id": "ChIJ&placeid=other"}, "not a place id"),
        ({"place_id": "https://g.page/r/x/review"}, "not a place id"),
        ({"review_url": "http://g.page/r/x/review"}, "https"),
        ({"review_url": "javascript:alert(1)"}, "https"),
        ({"review_url": "https://g.page.example.com/r/x/review"}, "host must be one of"),
        ({"review_url": "https://example.com/google.com"}, "host must be one of"),
        ({"review_url": "https://google.com@example.com/r/x"}, "host must be one of"),
        ({"review_url": "https://user@google.com/r/x"}, "host must be one of"),
        ({"review_url": "https://google.com:8443/r/x"}, "host must be one of"),
        ({"review_url": "https://g.page:none/r/x"}, "cannot be read"),
        ({"review_url": "https://g.page/r/x\nSet-Cookie: a"}, "characters"),
        ({"review_url": "https://g.page/r/é"}, "characters"),
        ({"review_url": "https://www.google.com/"}, "not a review page"),
        ({"place_id": PLACE, "locations": {"lyon": PLACE}}, "belong together"),
        ({"place_id": PLACE, "location_field": "store"}, "belong together"),
        ({"locations": {"lyon": "no place"}, "location_field": "store"}, "not a place id"),
        ({"locations": {"Lyon": PLACE, " lyon": PLACE}, "location_field": "store"}, "twice"),
        ({"locations": {" ": PLACE}, "location_field": "store"}, "without a name"),
        ({"place_id": PLACE, "base_url": "http://reviews.example.com"}, "https"),
        ({"place_id": PLACE, "base_url": "ftp://127.0.0.1"}, "URL scheme"),
        ({"place_id": PLACE, "stars": 5}, "Extra inputs"),
    ],
)
def test_mistakes_are_rejected(table, words):
    with pytest.raises(ValidationError, match=words):
        settings(**table)


def test_one_of_many_locations_is_found():
    shops = settings(location_field="store", locations={f"Shop {n}": f"ChIJshop-{n:08}" for n in range(1000)})

    assert shops.place_of("shop 999") == "ChIJshop-00000999"
    assert shops.place_of("shop 1000") is None
