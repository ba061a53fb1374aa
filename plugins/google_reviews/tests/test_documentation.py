"""What the page for admins shows can be copied as it is."""

import re
import tomllib
from pathlib import Path

import pytest

import nps_connect_google_reviews
from nps_connect.builtin import review_link
from nps_connect.settings.model import Limits, Reviews
from nps_connect_google_reviews.connector import EXAMPLE, POLICY

PAGE = (Path(__file__).parents[3] / "docs" / "google-reviews.md").read_text(encoding="utf-8")
FOUND = re.findall(r"^( *)```toml\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [(margin, block) for margin, block in FOUND if "[connections." in block]
RULES = [tomllib.loads(block) for _, block in FOUND if "[connections." not in block]
MODULES = {"google_reviews": nps_connect_google_reviews, "review_link": review_link}


def test_the_page_shows_one_place_several_shops_and_another_platform():
    assert len(BLOCKS) == 3


@pytest.mark.parametrize(
    "block", [block for _, block in BLOCKS], ids=["one place", "several shops", "another platform"]
)
def test_its_examples_fit_the_settings(block):
    [table] = tomllib.loads(block)["connections"].values()

    assert MODULES[table["plugin"]].nps_connector().settings.model_validate(table)


def test_it_shows_the_routes_that_init_writes():
    shown = tomllib.loads(BLOCKS[0][1])["routes"]

    assert shown == tomllib.loads(EXAMPLE.routes)["routes"]


def test_its_rules_fit_the_settings():
    [rules] = RULES

    assert Reviews.model_validate(rules["reviews"]).reminder_after
    assert Limits.model_validate(rules["limits"]).model_dump() == Limits().model_dump()


def test_it_names_the_source_of_the_policy():
    assert POLICY.source in PAGE
