from pathlib import Path

import pytest
from support.config_mistakes import caught_mistakes

from nps_connect.settings.load_settings import load_settings

ENVIRON = {"SIGNING": "k" * 32}

VALID_CONFIG = """\
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
languages = ["fr", "en"]
signing_keys = [{ env = "SIGNING" }]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"

[connections.helpdesk-eu]
plugin = "desk"
token = { env = "SIGNING" }

[surveys.after-purchase]
channel = "mail"

[[triggers]]
on = "ticket.solved"
from = "helpdesk-eu"
survey = "after-purchase"

[[routes]]
on = "any"
do = "write_score"
via = "crm"

[[routes]]
on = ["detractor"]
do = "open_ticket"
via = "helpdesk-eu"
"""


class ConfigFile:
    """A configuration file in its own folder, with the result and the mistakes of `load_settings`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "nps-connect.toml"
        self.environ = dict(ENVIRON)
        self.write(VALID_CONFIG)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def replace(self, old: str, new: str) -> None:
        text = self.path.read_text(encoding="utf-8")
        assert old in text
        self.write(text.replace(old, new))

    def load(self, **environ: str):
        return load_settings(self.path, {**self.environ, **environ})

    def mistakes(self, *, with_lines: bool = False, **environ: str) -> list[str]:
        return caught_mistakes(lambda: self.load(**environ), self.path, with_lines=with_lines)


@pytest.fixture
def configuration(tmp_path):
    return ConfigFile(tmp_path)
