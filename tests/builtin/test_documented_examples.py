"""The examples in the guides are valid configurations."""

import re
import tomllib
from pathlib import Path

import pytest

from nps_connect.builtin import alerts, email
from nps_connect.settings.model import Route

DOCS = Path(__file__).parents[2] / "docs"
SECRETS = {"SMTP_URL": "smtps://mail.example.com", "ALERT_URL": "json://alerts.example.com"}


def resolve(value):
    if isinstance(value, dict) and set(value) == {"env"}:
        return SECRETS[value["env"]]
    return [resolve(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("page", "module"), [("email.md", email), ("alerts.md", alerts)])
def test_the_example_fits_the_settings(page, module):
    [block] = re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    configuration = tomllib.loads(block)
    [(name, table)] = configuration["connections"].items()

    assert table["plugin"] == module.nps_connector().name
    assert module.nps_connector().settings.model_validate({key: resolve(value) for key, value in table.items()})
    assert all(Route.model_validate(route).via == name for route in configuration.get("routes", []))
