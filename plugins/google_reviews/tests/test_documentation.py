"""The examples on the page for admins are valid."""

import re
import tomllib
from pathlib import Path

import pytest

import nps_connect_google_reviews
from nps_connect.builtin import review_link
from nps_connect.settings.model import Limits, Reviews
from nps_connect_google_reviews.connector import EXAMPLE, POLICY

PAGE = (Path(__file__).parents[3] / "docs" / "google-reviews.md").read_text(encoding="utf-8")
MATCHES = re.findall(r"^( *)```toml\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [(margin, block) for margin, block in MATCHES if "[connections." in block]
RULES = [tomllib.loads(block) for _, block in MATCHES if "[connections." not in block]
MODULES = {"google_reviews": nps_connect_google_reviews, "review_link": review_link}


def test_the_page_shows_one_place_several_shops_and_another_platform():
    assert len(BLOCKS) == 3


@pytest.mark.parametrize(
    "block", [block for _, block in BLOCKS], ids=["one place", "several shops", "another platform"]
)
def test_the_connection_examples_are_valid(block):
    [table] = tomllib.loads(block)["connections"].values()

    assert MODULES[table["plugin"]].nps_connector().settings.model_validate(table)


def test_the_page_shows_the_routes_of_the_example():
    routes = tomllib.loads(BLOCKS[0][1])["routes"]

    assert routes == tomllib.loads(EXAMPLE.routes)["routes"]


def test_the_rules_on_the_page_are_valid():
    [rules] = RULES

    assert Reviews.model_validate(rules["reviews"]).reminder_after
    assert Limits.model_validate(rules["limits"]).model_dump() == Limits().model_dump()


def test_the_page_names_the_source_of_the_policy():
    assert POLICY.source in PAGE
