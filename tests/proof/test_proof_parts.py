"""What a proof does not cover, who takes part, and expectations."""

from __future__ import annotations

import pytest
from support.fake_vendors import FakeCrm

from nps_connect.plugins import Plugins
from nps_connect.proof.cast import build_cast, score_groups
from nps_connect.rules.filters import compile_filter
from nps_connect.settings.model import Settings


@pytest.fixture
def build_people(site):
    """Return a function that builds the cast of the site's configuration."""

    def build():
        settings = Settings.model_validate(site.config)
        filters = {
            trigger.label: compile_filter(trigger.where, {"amount": "number"}, open_fields=True)
            for trigger in settings.triggers
            if trigger.where
        }
        return build_cast(settings, filters, {}, seed=1)

    return build


def test_a_plugin_without_a_simulated_vendor_is_not_proved(site, plugins):
    others = Plugins()
    for name in plugins.infos:
        others.register(__import__("importlib").import_module(MODULES[name]), name)
    others.register(FakeCrm(), "acme")
    site._plugins = others
    site.config["connections"]["shop"] = {"plugin": "acme", "events": "webhook"}
    site.config["triggers"].append({"on": "deal.won", "from": "shop", "survey": "after-purchase", "name": "shop"})
    report = site.prove()
    assert [part.subject for part in report.not_proved] == ["shop"]
    assert "plugin 'acme' has no simulated vendor" in report.not_proved[0].text
    assert (
        [finding.text for finding in report.findings]
        == [
            # the score of the shop's customers goes to the CRM, which knows them: nothing is wrong with the rest
        ]
    )


MODULES = {
    "alerts": "nps_connect.builtin.alerts",
    "email": "nps_connect.builtin.email",
    "review_link": "nps_connect.builtin.review_link",
    "webhook": "nps_connect.builtin.webhook",
    "hubspot": "nps_connect_hubspot",
    "zendesk": "nps_connect_zendesk",
    "google_reviews": "nps_connect_google_reviews",
}


def test_every_group_of_scores_and_every_language_takes_part(site, build_people):
    site.config["core"]["languages"] = ["fr", "en"]
    site.route("open_ticket")["scores"] = [0, 1]
    players = build_people().players
    responding = {(player.customer.person.language, player.score) for player in players if player.role == "respondent"}
    assert {language for language, _ in responding} == {"fr", "en"}
    assert len(responding) == 8  # scores 0-1, 2-6, 7-8, 9-10 in two languages
    assert {player.role for player in players} == {
        "respondent",
        "silent",
        "opted_out",
        "opts_out_before_mail",
        "unsubscribes",
    }


def test_scores_are_grouped_as_routes_treat_them(site):
    routes = Settings.model_validate(site.config).routes
    assert score_groups(routes) == [(0, 1, 2, 3, 4, 5, 6), (7, 8), (9, 10)]


def test_a_filter_that_needs_a_history_is_not_played(site, build_people):
    site.trigger["where"] = "history.answers >= 1"
    cast = build_people()
    assert cast.players == []
    assert "surveyed before" in next(iter(cast.untested.values()))


def test_a_person_has_what_the_filter_asks_of_people(site, build_people):
    site.trigger["where"] = 'contact.email_domain == "acme.example" and contact.name == "Ada"'
    [person, *_] = [player.customer.person for player in build_people().players]
    assert (person.email.partition("@")[2], person.name) == ("acme.example", "Ada")
