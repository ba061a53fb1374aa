"""`nps-connect init` on a terminal: questions, credentials that are tried at once, and offers."""

import os
import pty
import sqlite3
import stat
import tomllib

import pytest
from support.command_process import PROGRAM

from nps_connect.plugins import Plugins
from nps_connect.sandbox.factory import build_sandbox, connection_names

CORE_ANSWERS = (
    "Acme",
    "https://nps.acme.example",
    "en fr",
    "Europe/Berlin",
    "care@acme.example",
    "https://acme.example/p",
)
MAIL_ANSWERS = ("Acme <care@acme.example>", "care@acme.example")


def lines(*answers):
    return "".join(f"{answer}\n" for answer in answers)


@pytest.fixture(scope="module")
def plugins():
    return Plugins.load()


@pytest.fixture
def sandbox(plugins):
    running, _ = build_sandbox(connection_names(plugins))
    with running:
        yield running


@pytest.fixture
def wizard(cli, sandbox):
    """Run the wizard with every installed plugin; the vendors are simulated, their credentials are not set."""
    address = {"NPS_CONNECT_CONNECTIONS__CRM__BASE_URL": sandbox.base_url("hubspot")}

    def run(*answers, plugins=None):
        environ = {} if plugins else address
        return cli("init", "--interactive", plugins=plugins, answer=lines(*answers), **environ)

    run.folder = cli.folder
    run.secrets = sandbox.environment()
    return run


def configuration(folder):
    return tomllib.loads((folder / "nps-connect.toml").read_text(encoding="utf-8"))


def test_from_the_questions_to_a_test_survey(wizard, sandbox):
    result = wizard(
        "email hubspot alerts",
        *CORE_ANSWERS,
        wizard.secrets["HUBSPOT_TOKEN"],
        *(*MAIL_ANSWERS, wizard.secrets["SMTP_URL"]),
        wizard.secrets["ALERT_URL"],
        *("y", "y", "ops@acme.example"),
    )
    assert (result.code, result.err) == (0, "")
    written = configuration(wizard.folder)
    assert list(written["connections"]) == ["crm", "mail", "team"]
    assert written["connections"]["mail"]["sender"] == "Acme <care@acme.example>"
    assert written["core"]["languages"] == ["en", "fr"]
    assert written["core"]["mode"] == "shadow"
    assert (wizard.folder / "nps-connect.db").exists()
    assert "nps_score" in sandbox.vendors["hubspot"].portal.definitions["contacts"]
    [mail] = sandbox.mailbox.mails("ops@acme.example")
    assert mail.header("X-NPS-Connect-Test") == "yes"
    assert "shadow mode" in result.out
    assert "Surveys wait at night" in result.out


def test_no_secret_is_printed_or_written_into_the_configuration(wizard):
    token = wizard.secrets["HUBSPOT_TOKEN"]
    result = wizard("email hubspot", *CORE_ANSWERS, token, *MAIL_ANSWERS, wizard.secrets["SMTP_URL"], "n")
    assert result.code == 0
    assert token not in result.out + result.err
    assert token not in (wizard.folder / "nps-connect.toml").read_text()
    secrets = wizard.folder / "nps-connect.env"
    assert token in secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert not (wizard.folder / "nps-connect.db").exists()


def test_a_wrong_credential_is_reported_at_once_and_can_be_entered_again(wizard):
    smtp = wizard.secrets["SMTP_URL"]
    result = wizard(
        "email hubspot",
        *CORE_ANSWERS,
        *("pat-wrong-token", "y", wizard.secrets["HUBSPOT_TOKEN"]),
        *(*MAIL_ANSWERS, "smtp://127.0.0.1:1", "y", "", "", smtp),
        "n",
    )
    assert result.code == 0
    assert "HubSpot refuses the access token" in result.out
    assert "portal 4242424" in result.out
    assert "check host and port in smtp_url" in result.out
    assert smtp in (wizard.folder / "nps-connect.env").read_text()


def test_a_skipped_credential_stays_a_placeholder_and_is_not_tried(wizard):
    result = wizard("email hubspot", *CORE_ANSWERS, "", *MAIL_ANSWERS, "", "y")
    assert result.code == 0
    assert "not tried: HUBSPOT_TOKEN is missing" in result.out
    assert "Fill in the placeholders in nps-connect.env: HUBSPOT_TOKEN, SMTP_URL." in result.out
    assert "Send a test survey" not in result.out
    assert "Apply?" not in result.out


def test_an_invalid_answer_is_asked_again_with_the_reason(wizard):
    result = wizard(
        *("emial", "email", "alerts email"),
        *("Acme", "nps.acme.example", "https://nps.acme.example", "de", "fr xx", "en", "Mars/Base", "Europe/Berlin"),
        *("care", "care@acme.example", "https://acme.example/p"),
        *(*MAIL_ANSWERS, wizard.secrets["SMTP_URL"], wizard.secrets["ALERT_URL"], "n"),
        plugins="alerts,email",
    )
    assert result.code == 0
    for reason in ("choose from alerts, email", "does anything with responses", "write it with https://"):
        assert reason in result.out
    for language in ("de", "xx"):
        assert f"mails and pages are not translated into '{language}'; allowed: en, fr" in result.out
    assert "not an IANA time zone such as Europe/Paris" in result.out
    assert configuration(wizard.folder)["core"]["timezone"] == "Europe/Berlin"


def test_an_invalid_value_of_a_connection_is_refused_at_its_question(wizard):
    result = wizard(
        "email zendesk",
        *CORE_ANSWERS,
        *("acme corp", "acme", "client", ""),
        *("foo", *MAIL_ANSWERS, wizard.secrets["SMTP_URL"]),
        "n",
    )
    assert result.code == 0
    assert "Error: subdomain: " in result.out
    assert "Error: sender: not an e-mail address such as care@example.com" in result.out
    assert "Enter the values again?" not in result.out


def test_sender_and_reply_address_are_the_companys_unless_another_is_answered(wizard):
    """An example's address must never be what Enter accepts after the real one was given."""
    result = wizard("email alerts", "Société, d'été", *CORE_ANSWERS[1:], "", "", "", "", "n")
    assert result.code == 0
    mail = configuration(wizard.folder)["connections"]["mail"]
    assert mail["sender"] == "Société, d'été <care@acme.example>"
    assert mail["reply_to"] == "care@acme.example"


def test_a_mistake_of_one_connection_stops_no_other_one_and_a_secret_is_kept_on_enter(wizard):
    """Only the connection with the mistake asks again; the next one says what it waits for."""
    result = wizard(
        *("email alerts", *CORE_ANSWERS),
        *(*MAIL_ANSWERS, "smtp:nowhere", "y", "", "", "", "n"),
        wizard.secrets["ALERT_URL"],
        "n",
    )
    assert result.code == 0
    assert result.out.count("Enter the values again?") == 2
    assert "SMTP_URL (not shown; Enter to keep)" in result.out
    assert "not tried: environment variable SMTP_URL: connections.mail.smtp_url: " in result.out
    assert "nps-connect-init-" not in result.out


def test_existing_secrets_are_not_asked_for_and_placeholders_are_replaced(wizard):
    smtp, alerts = wizard.secrets["SMTP_URL"], wizard.secrets["ALERT_URL"]
    secrets = wizard.folder / "nps-connect.env"
    secrets.write_text(f"# mine\nSMTP_URL='{smtp}'\nALERT_URL='json://alerts.example.com/nps'\n")
    result = wizard("email alerts", *CORE_ANSWERS, *MAIL_ANSWERS, alerts, "n", plugins="alerts,email")
    assert result.code == 0
    assert "SMTP_URL: set already" in result.out
    text = secrets.read_text()
    assert text.startswith(f"# mine\nSMTP_URL='{smtp}'\n")
    assert text.count("ALERT_URL=") == 1
    assert alerts in text


def test_an_aborted_wizard_writes_nothing(wizard):
    result = wizard("email alerts", "Acme")
    assert result.code == 1
    assert list(wizard.folder.iterdir()) == []


def test_the_wizard_runs_by_itself_on_a_terminal(cli, sandbox):
    """A real pseudo-terminal, without any option."""
    answers = [
        (b"Which of them", "alerts email"),
        (b"Company", "Acme"),
        (b"Public address", ""),
        (b"Languages", ""),
        (b"Time zone", ""),
        (b"Mail address", ""),
        (b"privacy notice", ""),
        (b"Sender", ""),
        (b"customers reply", ""),
        (b"SMTP_URL", sandbox.environment()["SMTP_URL"]),
        (b"ALERT_URL", ""),
        (b"Create the database?", "y"),
        (b"test survey", ""),
    ]
    output, status = run_on_terminal(["init"], answers, NPS_CONNECT_LOAD_PLUGINS="alerts,email")
    assert os.waitstatus_to_exitcode(status) == 0, output
    assert answers == []
    assert sandbox.mailbox.smtp_url.encode() not in output  # a secret is not echoed
    assert configuration(cli.folder)["core"]["company"] == "Acme"
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        assert database.execute("select count(*) from deliveries").fetchone() == (0,)


def run_on_terminal(arguments, answers, **environ):
    """Run a command on a pseudo-terminal of 80 columns and answer its questions in order; returns output and status."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update({"COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1", **environ})
        os.execv(PROGRAM[0], [*PROGRAM, *arguments])
    output, position = b"", 0
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            chunk = b""
        if not chunk:
            os.close(terminal)
            return output, os.waitpid(process, 0)[1]
        output += chunk
        if answers and answers[0][0] in output[position:]:
            position = len(output)
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
