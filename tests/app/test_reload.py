"""`reload_application`: a changed file joins with the open database; what a process cannot change is refused."""

import pytest
from support.config_mistakes import caught_mistakes

from nps_connect.app.application import create_database, open_application, reload_application
from nps_connect.errors import NpsConnectError
from nps_connect.settings.load_settings import load_settings

ENVIRON = {"SIGNING": "k" * 32, "SMTP_URL": "smtp://127.0.0.1:2525", "NPS_CONNECT_LOAD_PLUGINS": "email,alerts"}
CONFIG = """\
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
signing_keys = [{ env = "SIGNING" }]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"
[connections.mail]
plugin = "email"
smtp_url = { env = "SMTP_URL" }
sender = "Exemple SA <care@example.com>"
reply_to = "care@example.com"
[connections.team]
plugin = "alerts"
urls = [{ env = "SMTP_URL" }]
[surveys.after-purchase]
channel = "mail"
[[routes]]
on = "detractor"
do = "send_alert"
via = "team"
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "nps-connect.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def running(path):
    create_database(load_settings(path, ENVIRON))
    application = open_application(path, ENVIRON)
    yield application
    application.close()


def test_the_new_values_join_with_the_open_database_and_clock(path, running):
    path.write_text(CONFIG.replace("Exemple SA", "Example Ltd"))
    reloaded = reload_application(running, path, {**ENVIRON, "SMTP_URL": "smtp://127.0.0.1:2626"})
    assert reloaded.ctx.settings.core.company == "Example Ltd"
    assert reloaded.ctx.connections["mail"].settings.smtp_url.get_secret_value() == "smtp://127.0.0.1:2626"
    assert (reloaded.ctx.ledger, reloaded.ctx.clock) == (running.ctx.ledger, running.ctx.clock)
    assert running.ctx.settings.core.company == "Exemple SA"


def test_a_mistake_is_reported_and_changes_nothing(path, running):
    path.write_text(CONFIG.replace('"detractor"', '"detracter"'))
    [mistake] = caught_mistakes(lambda: reload_application(running, path, ENVIRON), path, with_lines=True)
    assert mistake.startswith("nps-connect.toml, line 18: routes.1.on: is not one of the allowed values")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("database_url", 'database_url = "sqlite:///other.db"'),
        ("state_dir", 'state_dir = "other"'),
        ("listen", 'listen = "127.0.0.1:1"'),
    ],
)
def test_what_a_running_process_cannot_change_is_refused(path, running, key, line):
    path.write_text(CONFIG.replace("[core]", f"[core]\n{line}"))
    mistakes = caught_mistakes(lambda: reload_application(running, path, ENVIRON), path, with_lines=True)
    assert (
        f"nps-connect.toml, line 2: core.{key}: cannot change while the process runs; "
        "restart the process, or take the change back"
    ) in mistakes


def test_suppressions_that_wait_for_the_journal_are_not_lost(path, running):
    running.ctx.journal.path.unlink()
    running.ctx.journal.path.mkdir()
    running.ctx.journal.append("opted-out", ["mailbox:x"], running.ctx.clock())
    with pytest.raises(NpsConnectError, match="journal of suppressions"):
        reload_application(running, path, ENVIRON)
