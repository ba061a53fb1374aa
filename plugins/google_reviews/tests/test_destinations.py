"""Review destinations: the page of the customer's own location, the same for every score."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nps_connect import Rejected
from nps_connect_google_reviews import nps_review_destination
from nps_connect_google_reviews.places import build_review_url

SHORT = "https://g.page/r/CexampleExample/review"
SHOPS = {
    "place_id": "ChIJheadquarters",
    "location_field": "store",
    "locations": {"Lyon": "ChIJlyon-example", "Paris 9": SHORT, "12": "ChIJtwelve-shop"},
}


def review_url(connection, invitation) -> str:
    return nps_review_destination(connection=connection, invitation=invitation).url


def test_nps_review_destination(google, invitation):
    destination = nps_review_destination(connection=google(), invitation=invitation())

    assert destination.url == "https://search.google.com/local/writereview?placeid=ChIJexample_place-0001"
    assert destination.title == "Google"


def test_a_configured_review_address_is_used_unchanged(google, invitation):
    assert review_url(google(review_url=SHORT), invitation()) == SHORT


@pytest.mark.parametrize("score", range(11))
def test_every_score_gets_the_same_page(google, invitation, score):
    assert review_url(google(), invitation(score)) == review_url(google(), invitation(10))


@pytest.mark.parametrize(
    ("location", "page"),
    [
        (None, "ChIJheadquarters"),
        ("", "ChIJheadquarters"),
        ("  ", "ChIJheadquarters"),
        ("Lyon", "ChIJlyon-example"),
        (" LYON ", "ChIJlyon-example"),
        ("paris 9", SHORT),
    ],
)
def test_the_invitations_location_selects_the_page(google, invitation, location, page):
    assert review_url(google(**SHOPS), invitation(location=location)).endswith(page)


@pytest.mark.parametrize(
    ("value", "page"),
    [("lyon", "ChIJlyon-example"), (12, "ChIJtwelve-shop"), (12.0, "ChIJtwelve-shop"), (None, "ChIJheadquarters")],
)
def test_the_contacts_property_selects_the_page_otherwise(google, invitation, value, page):
    assert review_url(google(**SHOPS), invitation(fields={"store": value})).endswith(page)


def test_the_invitations_location_has_precedence(google, invitation):
    assert review_url(google(**SHOPS), invitation(location="12", fields={"store": "lyon"})).endswith("ChIJtwelve-shop")


def test_an_unknown_location_is_rejected(google, invitation):
    with pytest.raises(Rejected, match=r"'Nantes'.*connections\.google\.locations"):
        review_url(google(**SHOPS), invitation(location="Nantes"))
    with pytest.raises(Rejected, match="'Nantes'"):
        review_url(google(**SHOPS), invitation(fields={"store": "Nantes"}))


def test_without_a_default_an_invitation_without_location_is_rejected(google, invitation):
    shops = {key: value for key, value in SHOPS.items() if key != "place_id"}

    with pytest.raises(Rejected, match="the default"):
        review_url(google(**shops), invitation())


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8041/google_reviews", "http://127.0.0.1:8041/google_reviews/"])
def test_a_sandbox_replaces_the_origin_of_both_address_forms(google, invitation, base_url):
    assert (
        review_url(google(place_id="ChIJheadquarters", base_url=base_url), invitation())
        == "http://127.0.0.1:8041/google_reviews/local/writereview?placeid=ChIJheadquarters"
    )
    assert (
        review_url(google(review_url=SHORT, base_url=base_url), invitation())
        == "http://127.0.0.1:8041/google_reviews/r/CexampleExample/review"
    )
    long_url = "https://search.google.com/local/writereview?placeid=ChIJheadquarters"
    assert (
        review_url(google(review_url=long_url, base_url=base_url), invitation())
        == "http://127.0.0.1:8041/google_reviews/local/writereview?placeid=ChIJheadquarters"
    )


@hypothesis_settings(deadline=None)
@given(place=st.text(min_size=1, max_size=60).filter(lambda text: "://" not in text and not text.isspace()))
def test_any_place_id_stays_one_parameter(place):
    try:
        place.encode("utf-8")
    except UnicodeEncodeError:
        return
    parts = urlsplit(build_review_url(place))

    assert (parts.scheme, parts.netloc, parts.path) == ("https", "search.google.com", "/local/writereview")
    assert parse_qs(parts.query, keep_blank_values=True) == {"placeid": [place]}
