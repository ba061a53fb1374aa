"""The plugin's declaration."""

import tomllib

import nps_connect_google_reviews as plugin
from nps_connect.plugins import Plugins
from nps_connect_google_reviews.settings import GoogleReviewsSettings


def test_nps_connector():
    info = plugin.nps_connector()

    assert info.name == "google_reviews"
    assert info.base_url is None
    [action] = info.actions
    assert action.action == "invite_review"


def test_the_policy_is_ask_everyone_with_reason_and_source(google):
    policy = plugin.nps_connector().review_policy(google().settings)

    assert policy.rule == "ask-everyone"
    assert policy.source == "https://support.google.com/contributionpolicy/answer/7400114"
    assert "only happy customers" in policy.reason


def test_the_entry_point_loads():
    plugins = Plugins.load(only=["google_reviews"])

    assert plugins.broken == {}
    assert plugins.hooks_of("google_reviews") == ("nps_connector", "nps_review_destination", "nps_check")


def test_the_example_is_valid_and_invites_every_segment():
    example = plugin.nps_connector().example
    table = tomllib.loads(example.table)["connections"]["google"]
    routes = tomllib.loads(example.routes)["routes"]

    assert GoogleReviewsSettings.model_validate(table).default_place
    assert routes == [
        {"on": "promoter", "do": "invite_review", "via": "google", "delay": "2h"},
        {"on": ["passive", "detractor"], "do": "invite_review", "via": "google", "lead": "help", "delay": "3d"},
    ]


def test_the_commented_part_of_the_example_is_valid():
    lines = plugin.nps_connector().example.table.replace("# location", "location").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("# "))
    text = text.replace("<place id>", "ChIJexample-lyon").replace("...", "Cexample")

    table = tomllib.loads(text)["connections"]["google"]

    assert set(GoogleReviewsSettings.model_validate(table).locations) == {"lyon", "paris"}
