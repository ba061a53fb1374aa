"""docs/start.md, walked from its first command to its last one."""

import re
import shlex
import time
from pathlib import Path

import httpx
import pytest
from support.shell import Shell, documented_commands

from nps_connect.plugins import Plugins
from nps_connect.sandbox.customers import Browser, full_form_values
from nps_connect.sandbox.factory import build_sandbox, connection_names
from nps_connect.sandbox.pages import read_page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
SANDBOX_PART, _, ACCOUNTS_PART = PAGE.partition("## With your own accounts\n")
SANDBOX_URL = "http://127.0.0.1:8041"
PATIENCE_SECONDS = 60.0


def test_the_page_has_at_most_twelve_commands_and_installs_as_the_readme_does():
    commands = documented_commands(SANDBOX_PART)
    assert len(commands) <= 12
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{commands[0]} && .venv/bin/nps-connect demo\n" in readme


@pytest.fixture
def browser():
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield Browser(client)


def reload_until(browser, url, *awaited):
    """Return the text of a page, once it contains all these texts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        text = browser.load_text(url)
        if all(part in text for part in awaited):
            return text
        time.sleep(0.2)
    raise AssertionError(f"{url} never contained {awaited}:\n{text}")


def tables(page):
    """Return the rows of the page's tables as texts, by the heading of their section and of the table."""
    rows = {}
    for section in page.split("<section")[1:]:
        name = re.search(r"<h2[^>]*>([\w ]+)", section)[1].strip()
        for table in section.split("<h3>")[1:]:
            body = table.partition("<tbody>")[2]
            cells = [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]
            rows[name, table.partition("<")[0]] = [" ".join(row.split()) for row in cells]
    return rows


@pytest.mark.slow
def test_the_page_leads_from_nothing_to_a_ticket(cli, browser, monkeypatch):
    """Each command is run as printed: by a shell, or in this process if it is a short one of our own.

    What the page says about the browser is done over HTTP.
    """
    with Shell(cli.folder / "repository") as shell:
        sandbox = None
        for command in documented_commands(SANDBOX_PART)[1:]:
            words = shlex.split(command)
            if words[0] == "nps-connect" and words[-1] != "&":
                arguments = [sandbox if word == SANDBOX_URL else word for word in words[1:]]
                result = cli(*arguments, plugins=None)
                assert (result.code, result.err) == (0, ""), (command, result.out, result.err)
                check_output(command, result.out)
                continue
            shell.run(command)
            if "cd ../nps-sandbox" in command:
                monkeypatch.chdir(cli.folder / "nps-sandbox")
            elif command == "nps-connect sandbox &":
                assert "*Stop it with Ctrl+C*" in PAGE
                printed = shell.wait_for("Stop it with Ctrl+C")
                sandbox = re.search(r"page +│ (http://127\.0\.0\.1:\d+)/", printed)[1]
                assert f"nps-connect init --sandbox {sandbox}" in printed
            elif command == "nps-connect run 2> run.log &":
                assert "*nps-connect is up*" in PAGE
                shell.wait_for("nps-connect is up")
                answer_in_the_browser(browser, sandbox)
        assert command == "kill %1 %2"
    assert "Traceback" not in shell.output
    assert " ERROR " not in (cli.folder / "nps-sandbox" / "run.log").read_text(encoding="utf-8")


def check_output(command, output):
    """Check what the page says about the output of a command."""
    if command == "nps-connect connections check":
        assert "*0 errors*" in PAGE
        assert set(re.findall(r"(\d+) errors?\b", output)) == {"0"}, output
    elif command.startswith("nps-connect explain"):
        assert "score 2" in output
    elif command == "nps-connect status":
        assert "nothing needs attention" in output


def answer_in_the_browser(browser, sandbox):
    """Do what the page says about the browser: win a deal, open the mail, answer 2, and look at the results."""
    index = browser.open(f"{sandbox}/")
    [form] = index.forms
    values = form.default_values()
    assert (values["name"], values["email"]) == ("Marie Martin", "marie@example.com")
    text = browser.load_text(f"{sandbox}/")
    assert re.search(r'<option value="([^"]*)">deal\.won', text), "deal.won is the first event, so it is selected"
    first_event = re.search(r'<option value="([^"]*)"', text)[1]
    data = {**values, "event": first_event}
    sent = httpx.post(form.action, data=data, headers={"Origin": sandbox}, timeout=30, follow_redirects=True)
    assert "answered with 200" in sent.text
    assert "answered with 200" in browser.load_text(str(sent.url))  # reloaded: nothing is sent again

    reload_until(browser, f"{sandbox}/", 'href="/_mail/1">Would you recommend')
    mail = browser.open(f"{sandbox}/_mail/1")
    [frame] = re.findall(r'<iframe [^>]*src="([^"]+)"', browser.load_text(mail.url))
    displayed = read_page(f"{sandbox}{frame}", 200, browser.load_text(f"{sandbox}{frame}"))
    survey = browser.open(next(link for link in displayed.links if link.endswith("score=2")))
    form = survey.form_with("comment")
    browser.submit(survey, form, full_form_values(form, 2, "Three days late"))

    awaited = ('href="/_mail/2"', '<td data-heading="Kind">', "detractor", '<td data-heading="Ticket">')
    results = tables(reload_until(browser, f"{sandbox}/", *awaited))
    [ticket] = results["zendesk", "Tickets"]
    assert "marie@example.com" in ticket
    assert "Three days late" in ticket
    assert len(results["alerts", "Alerts"]) == 1
    [contact] = results["hubspot", "Contacts"]
    assert "marie@example.com 2 detractor Three days late" in contact


@pytest.fixture
def accounts_cli(cli):
    """Run commands with every installed plugin; simulated vendors take the place of the real accounts."""
    sandbox, _ = build_sandbox(connection_names(Plugins.load()))
    with sandbox:
        environment = {
            name: value
            for name, value in sandbox.environment().items()
            if not name.startswith(("NPS_CONNECT_CORE__", "NPS_CONNECT_LIMITS__"))
        }

        def run(*arguments, **options):
            return cli(*arguments, plugins=None, **environment, **options)

        run.folder, run.sandbox = cli.folder, sandbox
        yield run


def test_the_commands_for_real_accounts_work_in_their_order(accounts_cli):
    commands = documented_commands(ACCOUNTS_PART)
    assert commands[0] == "nps-connect init"
    outputs = {}
    for command in commands:
        if command == "nps-connect run":  # runs until it is stopped; the test of the first part starts it
            continue
        words = shlex.split(command)
        result = accounts_cli(*words[1:], answer="y\n")
        may_fail = words[1] in ("explain", "status", "doctor")  # nobody was asked, nothing runs, examples are left
        assert result.code == 0 or may_fail, (command, result.out, result.err)
        outputs[command] = result.out
    assert "17 to create" in outputs["nps-connect connections plan crm"]
    assert "Applied 17 changes" in outputs["nps-connect connections apply crm"]
    assert (accounts_cli.folder / "after-purchase-fr.html").exists()
    [mail] = accounts_cli.sandbox.mailbox.mails("you@example.com")
    assert mail.header("X-NPS-Connect-Test") == "yes"


def test_the_page_states_the_waits_of_a_new_configuration(cli):
    from nps_connect.settings.load_settings import load_settings

    assert cli("init", plugins=None).code == 0
    settings = load_settings(cli.folder / "nps-connect.toml", {})
    rows = dict(re.findall(r"^\| (?:`delay` of the trigger|`limits\.(\w+)`) \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert rows["quiet_hours"] == f"`{settings.limits.quiet_hours}`"
    assert settings.limits.quiet_days == ("saturday", "sunday")
    assert rows["quiet_days"] == "Saturday, Sunday"
    assert (rows["cooldown"], settings.limits.cooldown.days) == ("`90d`", 90)
    assert rows["surveys_per_day"] == f"`{settings.limits.surveys_per_day}`"
    assert rows[""] == "`3d`"
