"""Twenty mistakes of operators, each in a real file: the whole sentence with file, line, key, allowed values, nearest name."""

import pytest
from support.config_mistakes import place_of

CONFIG = """\
[core]
public_url = "https://nps.example.net"
company = "Exemple SA"
languages = ["fr", "en"]
timezone = "Europe/Paris"
signing_keys = [{ env = "NPS_SIGNING_KEY" }]
fallback_email = "care@example.net"
privacy_notice_url = "https://www.example.net/privacy"
mode = "live"

[limits]
cooldown = "90d"

[connections.crm]
plugin = "hubspot"
access_token = { env = "HUBSPOT_TOKEN" }
events = "poll"

[connections.mail]
plugin = "email"
smtp_url = { env = "SMTP_URL" }
sender = "Exemple SA <care@example.net>"
reply_to = "care@example.net"

[connections.team]
plugin = "alerts"
urls = [{ env = "ALERT_URL" }]

[connections.places]
plugin = "google_reviews"
place_id = "ChIJexample"

[surveys.after-purchase]
channel = "mail"

[[triggers]]
on = "deal.won"
from = "crm"
survey = "after-purchase"
where = "amount >= 100"

[[routes]]
on = "any"
do = "write_score"
via = "crm"

[[routes]]
on = "detractor"
do = "send_alert"
via = "team"

[[routes]]
on = "promoter"
do = "invite_review"
via = "places"

[[routes]]
on = ["passive", "detractor"]
do = "invite_review"
via = "places"
lead = "help"
"""

SECRETS = {
    "NPS_SIGNING_KEY": "k" * 32,
    "HUBSPOT_TOKEN": "pat-eu1-token",
    "SMTP_URL": "smtps://relay.example.net",
    "ALERT_URL": "json://alerts.example.net/x",
}

MISTAKES = {
    "a key is misspelt": (
        "cooldown =", "cooldwon =", "cooldwon =",
        ("limits.cooldwon: is not a known key; allowed: cooldown, defer_at_most, max_event_age, quiet_days, quiet_hours, "
        "surveys_per_day, unusual, unusual_factor, unusual_within, when_blocked; did you mean 'cooldown'?"),
    ),
    "a required key is missing": ('company = "Exemple SA"\n', "", "[core]", "core.company: is missing"),
    "a duration has no unit": (
        '"90d"', '"90"', "cooldown",
        "limits.cooldown: not a duration: write a number and a unit, such as 30s, 20m, 2h, 3d or 1w",
    ),
    "a word is misspelt": (
        '"live"', '"lvie"', "mode",
        "core.mode: is not one of the allowed values; allowed: shadow, live; did you mean 'live'?",
    ),
    "the time zone is a city": (
        '"Europe/Paris"', '"Paris"', "timezone", "core.timezone: not an IANA time zone such as Europe/Paris; did you mean 'Europe/Paris'?"
    ),
    "a secret stands in the file": (
        '{ env = "HUBSPOT_TOKEN" }', '"pat-eu1-token"', "access_token",
        ('connections.crm.access_token: is a secret and must not be in the file; '
        'write { env = "NAME" } or { file = "path" } instead'),
    ),
    "a variable is not set": (
        '{ env = "SMTP_URL" }', '{ env = "SMPT_URL" }', "smtp_url",
        "connections.mail.smtp_url: environment variable SMPT_URL is not set; set it before starting",
    ),
    "a secret file is missing": (
        '{ env = "ALERT_URL" }', '{ file = "alert" }', "urls",
        "connections.team.urls.1: secret file alert does not exist",
    ),
    "the plugin does not exist": (
        'plugin = "hubspot"', 'plugin = "hubpsot"', 'plugin = "hubpsot"',
        ("connections.crm.plugin: there is no plugin 'hubpsot'; allowed: alerts, email, google_reviews, hubspot; "
        "did you mean 'hubspot'?"),
    ),
    "a connection is misspelt": (
        'via = "team"', 'via = "taem"', 'via = "taem"',
        "routes.2.via: there is no connection 'taem'; allowed: mail, team; did you mean 'team'?",
    ),
    "a connection cannot do it": (
        'via = "team"', 'via = "crm"', 50,
        "routes.2.via: connection 'crm' cannot send alert; allowed: mail, team",
    ),
    "the survey does not exist": (
        'survey = "after-purchase"', 'survey = "after-purchases"', 'survey = "after-purchases"',
        ("triggers.1.survey: there is no survey 'after-purchases'; allowed: after-purchase; "
        "did you mean 'after-purchase'?"),
    ),
    "the event does not exist": (
        '"deal.won"', '"deal.wno"', 'on = "deal.wno"',
        "triggers.1.on: plugin 'hubspot' sends no event 'deal.wno'; allowed: ",
    ),
    "nothing would arrive": (
        'events = "poll"', 'events = "none"', "from",
        ("triggers.1.from: connection 'crm' has events = \"none\", so nothing would ever arrive; "
        "set connections.crm.events to webhook or poll or api"),
    ),
    "the filter compares with one sign": (
        '"amount >= 100"', '"amount = 100"', "where",
        "triggers.1.where: column 8: '=' is not part of filters; write '==' to compare",
    ),
    "a segment is misspelt": (
        'on = "detractor"', 'on = "detracter"', 'on = "detracter"',
        ("routes.2.on: is not one of the allowed values; allowed: any, promoter, passive, detractor; "
        "did you mean 'detractor'?"),
    ),
    "reviews are gated": (
        '[[routes]]\non = ["passive", "detractor"]\ndo = "invite_review"\nvia = "places"\nlead = "help"\n', "",
        52,
        ("routes.3: the review link of 'places' goes to some customers only, never to passive and detractor, "
        "which the platform forbids: "),
    ),
    "a route is never used": (
        'on = "detractor"\ndo = "send_alert"', ('on = "any"\ndo = "write_score"\nvia = "crm"\n[[routes]]\n'
        'on = "detractor"\ndo = "send_alert"'), 47,
        ("routes.2: is never used: routes.1 matches the same responses for write_score via 'crm'; remove one of them, "
        "or give them different segments, scores, surveys, touchpoints or languages"),
    ),
    "mail would leave with an insecure link": (
        '"https://nps.example.net"', '"http://nps.example.net"', "public_url",
        ('core.public_url: is not https, and mode = "live" sends it to customers: browsers warn, answers travel in '
        "clear; write https://, or set core.mode to shadow"),
    ),
    "mail would leave with an example address": (
        '"care@example.net"\nprivacy', '"care@example.com"\nprivacy', "fallback_email",
        ('core.fallback_email: still has its example value, and mode = "live" sends mail; '
        "set core.fallback_email, or set core.mode to shadow"),
    ),
}  # fmt: skip


@pytest.fixture
def check(cli):
    """Check the configuration after a change of its text."""
    path = cli.folder / "nps-connect.toml"

    def run(old="", new="", **environ):
        assert old in CONFIG
        path.write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
        return cli("config", "check", plugins="alerts,email,hubspot,google_reviews", **{**SECRETS, **environ})

    run.path = path
    return run


def test_the_configuration_without_a_mistake_is_valid(check):
    assert check().code == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(check, name):
    old, new, line, sentence = MISTAKES[name]
    result = check(old, new)
    place = f"nps-connect.toml, line {line}" if isinstance(line, int) else place_of(check.path, line)
    assert (result.code, result.out) == (2, "")
    message = result.err.removeprefix("Error: ").splitlines()[0]
    assert message.startswith(f"{place}: {sentence}")
    assert message.endswith(sentence) or sentence.endswith(": ")
    assert "Traceback" not in result.err


def test_a_mistake_in_the_environment_names_the_variable(check):
    assert check(NPS_CONNECT_LIMITS__COOLDOWN="90").err == (
        "Error: environment variable NPS_CONNECT_LIMITS__COOLDOWN: limits.cooldown: not a duration: write a number and "
        "a unit, such as 30s, 20m, 2h, 3d or 1w\n"
    )


def test_the_sandbox_may_keep_example_values_and_http(check):
    assert (
        check(
            '"care@example.net"\nprivacy',
            '"care@example.com"\nprivacy',
            NPS_CONNECT_CORE__PUBLIC_URL="http://127.0.0.1:8040",
        ).code
        == 0
    )
    assert (
        check('"care@example.net"\nprivacy', '"care@example.com"\nprivacy', NPS_CONNECT_CORE__MODE="shadow").code == 0
    )


def test_an_example_address_in_a_connection_is_a_mistake_too(check):
    assert check("Exemple SA <care@example.net>", "Exemple SA <care@example.com>").err == (
        f"Error: {place_of(check.path, 'sender')}: connections.mail.sender: still has its example value, and "
        'mode = "live" sends mail; set connections.mail.sender, or set core.mode to shadow\n'
    )


def test_a_placeholder_of_a_secret_names_the_variable(check):
    assert check(SMTP_URL="smtp://user:password@mail.example.com:587?starttls=required").err == (
        f"Error: {place_of(check.path, 'smtp_url')}: connections.mail.smtp_url: still has its example value, and "
        'mode = "live" sends mail; set it in environment variable SMTP_URL, or set core.mode to shadow\n'
    )
