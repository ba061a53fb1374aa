"""`nps_check` reports the places; the policy is reported by the core, once."""

from nps_connect_google_reviews import nps_check
from nps_connect_google_reviews.settings import PLACEHOLDER


def test_nps_check(google):
    [place] = nps_check(connection=google())

    assert place.severity == "ok"
    assert "placeid=ChIJexample_place-0001" in place.text


def test_the_placeholder_of_the_example_is_an_error(google):
    findings = nps_check(connection=google(place_id=PLACEHOLDER))

    assert [finding.severity for finding in findings] == ["error"]
    assert "docs/google-reviews.md" in findings[0].fix


def test_locations_are_counted(google):
    findings = nps_check(
        connection=google(place_id="ChIJheadquarters", location_field="store", locations={"lyon": "ChIJlyon-example"})
    )

    assert findings[-1].text == "1 locations, selected by the property 'store'"


def test_a_missing_default_place_is_a_warning(google):
    findings = nps_check(connection=google(location_field="store", locations={"lyon": "ChIJlyon-example"}))

    assert findings[-1].severity == "warning"
    assert "no default place" in findings[-1].text
