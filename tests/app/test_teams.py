"""Checks of `[core.dimensions]` and `[teams.<name>]`."""

from __future__ import annotations

import pytest

DIMENSIONS = '[core.dimensions]\nlocation = "shop"\n'


def extend(configuration, *texts):
    """Add text to the configuration."""
    configuration.path.write_text(configuration.path.read_text() + "\n" + "\n".join(texts))
    return configuration


def test_a_team_by_location_is_valid(configuration):
    extend(configuration, DIMENSIONS, "[teams.lyon]\nwhere = 'location == \"Lyon\"'\n").validate()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[teams.lyon]\nwhere = 'shop == \"Lyon\"'\n", "teams.lyon.where: column 1: 'shop' is not kept with"),
        (
            "[teams.lyon]\nwhere = 'contact.name == \"Zoé\"'\n",
            "teams.lyon.where: column 1: 'contact.name' is not kept with",
        ),
        ('[teams.lyon]\nowners = ["ana"]\n', "teams.lyon.owners: has no effect: responses keep no owner"),
        ('[teams.lyon]\nmembers = ["ana@example.com"]\n', "no response can belong to the team"),
        ('[core.dimensions]\nsegment = "x"\n', "segment is a property of every response"),
    ],
)
def test_mistakes_are_named(configuration, text, mistake):
    extend(configuration, *([] if "dimensions" in text else [DIMENSIONS]), text)
    assert any(mistake in sentence for sentence in configuration.mistakes()), configuration.mistakes()
