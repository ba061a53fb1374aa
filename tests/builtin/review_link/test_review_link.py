"""The review_link plugin: settings, link templates, declared policy, check."""

import tomllib
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nps_connect import Contact, Rejected, Response, ReviewInvitation
from nps_connect.builtin import review_link
from nps_connect.builtin.review_link import nps_check, nps_review_destination
from nps_connect.builtin.review_link.url_template import fill_template, validate_template
from nps_connect.plugins import Plugins
from nps_connect.testing import START, connect

PAGE = "https://directory.example.com/exemple-sa/review?lang={language}"
SHOPS = {
    "url": "https://directory.example.com/{location}/review?lang={language}",
    "location_field": "store",
    "locations": {"Lyon": "exemple-lyon", "Paris 9": "exemple/paris 9"},
}


def settings(**parts):
    table = {"plugin": "review_link", "title": "Trade directory", "url": PAGE, "policy": "ask-everyone"}
    return {key: value for key, value in (table | parts).items() if value is not None}


def directory(**parts):
    return connect(review_link, settings(**parts), name="directory")


def invitation(score=10, location=None, fields=None, language="fr") -> ReviewInvitation:
    return ReviewInvitation(
        idempotency_key="invite_review:7:1",
        contact=Contact(connection="crm", id="7", fields=fields or {}),
        response=Response(
            id="r7",
            revision=1,
            survey="after-purchase",
            touchpoint="purchase",
            score=score,
            language=language,
            answered_at=START,
        ),
        lead="review" if score >= 9 else "help",
        location=location,
    )


def link(connection, **parts) -> str:
    return nps_review_destination(connection=connection, invitation=invitation(**parts)).url


def problem(**parts) -> str:
    with pytest.raises(ValidationError) as caught:
        directory(**parts)
    return str(caught.value)


def test_nps_connector():
    info = review_link.nps_connector()

    assert info.name == "review_link"
    [action] = info.actions
    assert action.action == "invite_review"


def test_the_plugin_registers_its_hooks():
    plugins = Plugins()

    plugins.register(review_link, "review_link")

    assert plugins.hooks_of("review_link") == ("nps_connector", "nps_review_destination", "nps_check")


def test_the_example_is_valid():
    example = review_link.nps_connector().example

    assert connect(review_link, tomllib.loads(example.table)["connections"]["directory"])


def test_nps_review_destination():
    destination = nps_review_destination(connection=directory(), invitation=invitation())

    assert destination.url == "https://directory.example.com/exemple-sa/review?lang=fr"
    assert destination.title == "Trade directory"


@pytest.mark.parametrize("score", range(11))
def test_every_score_gets_the_same_page(score):
    assert link(directory(), score=score) == link(directory(), score=10)


def test_the_location_is_filled_in_and_percent_encoded():
    assert link(directory(**SHOPS), location=" LYON") == "https://directory.example.com/exemple-lyon/review?lang=fr"
    assert link(directory(**SHOPS), fields={"store": "paris 9"}) == (
        "https://directory.example.com/exemple%2Fparis%209/review?lang=fr"
    )


def test_an_unlisted_location_is_rejected():
    with pytest.raises(Rejected, match=r"'Nantes'.*connections\.directory\.locations"):
        link(directory(**SHOPS), location="Nantes")
    with pytest.raises(Rejected, match="contacts without a location"):
        link(directory(**SHOPS))


def test_the_default_location_applies_without_a_location():
    assert "exemple-sa" in link(directory(**SHOPS, default_location="exemple-sa"))


def test_a_sandbox_replaces_the_host():
    connection = directory(base_url="http://127.0.0.1:8041/directory")

    assert link(connection) == "http://127.0.0.1:8041/directory/exemple-sa/review?lang=fr"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("javascript:alert(1)", "https://"),
        ("http://directory.example.com/review", "https://"),
        ("//directory.example.com/review", "https://"),
        ("https://directory/review", "host"),
        ("https:///review", "host"),
        ("https://user:password@directory.example.com/review", "host"),
        ("https://directory.example.com:none/review", "host or port is invalid"),
        ("https://directory.example.com/", "home page"),
        ("https://{location}.example.com/review", "placeholders are allowed only after the host"),
        ("https://directory.example.com/{email}", "unknown placeholder"),
        ("https://directory.example.com/{}", "unknown placeholder"),
        ("https://directory.example.com/{language!r}", "unknown placeholder"),
        ("https://directory.example.com/{language:>40}", "unknown placeholder"),
        ("https://directory.example.com/{language.__class__}", "unknown placeholder"),
        ("https://directory.example.com/{language", "brace"),
        ("https://directory.example.com/language}", "brace"),
        ("https://directory.example.com/{{language}}", "double braces"),
        ("https://directory.example.com/a b", "percent-encode"),
        ("https://directory.example.com/é", "percent-encode"),
        ("https://directory.example.com/x\r\nSet-Cookie: a", "percent-encode"),
        ("https://directory.example.com/{location}/review", "neither locations nor default_location is set"),
    ],
)
def test_invalid_urls_are_refused(url, message):
    assert message in problem(url=url)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"title": None}, "title"),
        ({"policy": None}, "policy"),
        ({"policy": "promoters"}, "policy"),
        ({"policy": "free"}, "policy_source"),
        ({"location_field": "store", "locations": {"lyon": "x"}}, "lacks the placeholder {location}"),
        ({"default_location": "x"}, "lacks the placeholder {location}"),
        ({**SHOPS, "location_field": None}, "belong together"),
        ({**SHOPS, "locations": {"Lyon": "a", "lyon ": "b"}}, "duplicate"),
        ({"base_url": "http://directory.example.com"}, "https"),
    ],
)
def test_invalid_settings_are_explained(parts, message):
    assert message in problem(**parts)


def test_the_operator_declares_the_policy():
    policy = review_link.nps_connector().review_policy
    everyone = policy(directory().settings)
    free = policy(directory(policy="free", policy_source="https://directory.example.com/rules").settings)

    assert everyone.rule == "ask-everyone"
    assert "Trade directory" in everyone.reason
    assert (free.rule, free.source) == ("free", "https://directory.example.com/rules")


def test_nps_check():
    policy, page = nps_check(connection=directory())

    assert "ask-everyone" in policy.text
    assert PAGE in page.text
    shops = nps_check(connection=directory(**SHOPS))
    assert [finding.severity for finding in shops] == ["ok", "ok", "ok", "warning"]


@hypothesis_settings(deadline=None)
@given(
    location=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    language=st.sampled_from(["fr", "en-GB"]),
)
def test_a_value_cannot_change_other_parts_of_the_url(location, language):
    template = validate_template("https://directory.example.com/shops/review?place={location}&lang={language}")

    parts = urlsplit(fill_template(template, {"location": location, "language": language}))

    assert (parts.scheme, parts.netloc, parts.path) == ("https", "directory.example.com", "/shops/review")
    assert parse_qs(parts.query, keep_blank_values=True) == {"place": [location], "lang": [language]}
