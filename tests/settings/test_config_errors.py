"""Each mistake is reported with file, key, problem, allowed values and the nearest name."""

import pytest

from nps_connect.settings.key_paths import format_key_path
from nps_connect.settings.model import Core

CORE_KEYS = ", ".join(sorted(Core.model_fields))
ZONE = "core.timezone: not an IANA time zone such as Europe/Paris"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('company = "Exemple SA"\n', "", "core.company: is missing"),
        (
            'fallback_email = "care@example.com"',
            'fallback_emial = "care@example.com"',
            f"core.fallback_emial: is not a known key; allowed: {CORE_KEYS}; did you mean 'fallback_email'?",
        ),
        ("[core]", '[core]\ntimezone = "Europe/Pari"', f"{ZONE}; did you mean 'Europe/Paris'?"),
        ("[core]", '[core]\ntimezone = "new york"', f"{ZONE}; did you mean 'America/New_York'?"),
        ("[core]", '[core]\ntimezone = "Middle Earth"', ZONE),
        ("[core]", "[core]\nmode = 3", "core.mode: is not one of the allowed values; allowed: shadow, live"),
        ('company = "Exemple SA"', 'company = ""', "core.company: is too short"),
        ('company = "Exemple SA"', "company = 3", "core.company: is not a text"),
        (
            '"https://nps.example.com"',
            '"nps"',
            ("core.public_url: is not a web address; allowed: an address such as https://nps.example.com"),
        ),
        ('"care@example.com"', '"care"', "core.fallback_email: not an e-mail address such as care@example.com"),
        (
            "[core]",
            '[core]\ntimezone = "Paris"',
            "core.timezone: not an IANA time zone such as Europe/Paris; did you mean 'Europe/Paris'?",
        ),
        (
            "[core]",
            '[core]\nmode = "lvie"',
            ("core.mode: is not one of the allowed values; allowed: shadow, live; did you mean 'live'?"),
        ),
        ("[core]", "[core]\nworkers = 0", "core.workers: should be greater than or equal to 1"),
        ("[core]", "[core]\nworkers = 1.5", "core.workers: is not a whole number"),
        (
            "[core]",
            '[core]\nlisten = "localhost"',
            ("core.listen: does not have the right form; allowed: host:port, such as 127.0.0.1:8040"),
        ),
        ("[core]", '[core]\nlisten = "localhost:70000"', "core.listen: the port is above 65535"),
        (
            "[core]",
            '[core]\nrecipient_allow_list = ["@example.com", "nobody"]',
            "core.recipient_allow_list.2: not an e-mail address such as care@example.com",
        ),
        (
            "[core]",
            '[core]\ndatabase_url = "mysql://db"',
            ("core.database_url: not a database address such as sqlite:///nps-connect.db or postgresql://host/name"),
        ),
        (
            "[core]",
            '[core]\ndatabase_url = "sqlite://"',
            (
                "core.database_url: an in-memory database would lose "
                "everything: name a file, such as sqlite:///nps-connect.db"
            ),
        ),
        ('languages = ["fr", "en"]', 'languages = "fr"', "core.languages: is not a list"),
        (
            'languages = ["fr", "en"]',
            'languages = ["French"]',
            ("core.languages.1: does not have the right form; allowed: a language tag such as fr or pt-BR"),
        ),
        ("[core]", '[core]\n"odd key" = 1\n[limits]\n"cool down" = "1d"\n[core2]', None),
        (
            "[connections.helpdesk-eu]",
            "[connections.Helpdesk]",
            (
                "connections.Helpdesk: is not a usable name; allowed: "
                "lower case letters, digits and dashes, a letter first, 40 characters at most"
            ),
        ),
        (
            "[connections.helpdesk-eu]",
            "[limits]",
            (
                "limits.plugin: is not a known key; allowed: cooldown, "
                "defer_at_most, max_event_age, quiet_days, "
                "quiet_hours, surveys_per_day, unusual, unusual_factor, unusual_within, when_blocked"
            ),
        ),
        (
            "[surveys.after-purchase]",
            '[surveys.after-purchase]\nreminder_after = "4 days"',
            (
                "surveys.after-purchase.reminder_after: not a duration: write a number and a unit, such as 30s, 20m, 2h, 3d "
                "or 1w"
            ),
        ),
        (
            "[surveys.after-purchase]",
            '[surveys.after-purchase]\nreminder_after = "60d"',
            "surveys.after-purchase: the reminders come after expires_after, when the link has expired",
        ),
        (
            'survey = "after-purchase"',
            'survey = "after-purchase"\nsampel = 5',
            (
                "triggers.1.sampel: is not a known key; "
                "allowed: active_from, active_until, delay, from, ignore_cooldown, language, name, on, per_day, priority, "
                "sample, survey, touchpoint, where; did you mean 'sample'?"
            ),
        ),
        (
            '"ticket.solved"',
            '"solved"',
            ("triggers.1.on: does not have the right form; allowed: a noun and a verb, such as deal.won"),
        ),
        (
            '["detractor"]',
            '["detracter"]',
            ("routes.2.on: is not one of the allowed values; allowed: any, promoter, passive, detractor"),
        ),
        (
            '["detractor"]',
            '"detracter"',
            (
                "routes.2.on: is not one of the allowed values; allowed: any, promoter, "
                "passive, detractor; did you mean 'detractor'?"
            ),
        ),
        (
            '"open_ticket"',
            '"open_tickets"',
            (
                "routes.2.do: is not one of the allowed values; allowed: write_score, "
                "invite_review, open_ticket, send_alert; did you mean 'open_ticket'?"
            ),
        ),
        (
            '"open_ticket"',
            '"open_ticket"\nlead = "help"',
            ('routes.2: lead has no effect here: it belongs to do = "invite_review"'),
        ),
        ("[[triggers]]", "[triggers]", "triggers: is not a list"),
    ],
)
def test_one_mistake_one_sentence(configuration, old, new, sentence):
    configuration.replace(old, new)
    mistakes = configuration.mistakes()
    if sentence is None:
        assert len(mistakes) > 1
    else:
        assert f"nps-connect.toml: {sentence}" in mistakes


def test_an_empty_file_is_missing_core(configuration):
    configuration.write("")
    assert configuration.mistakes() == ["nps-connect.toml: core: is missing"]


def test_all_mistakes_are_reported_together(configuration):
    configuration.write(
        """
        [core]
        mode = "lvie"
        signing_keys = [{ env = "ABSENT" }]
        [limits]
        cooldown = "soon"
        """
    )
    keys = [mistake.split(": ")[1] for mistake in configuration.mistakes()]
    assert keys == [
        "core.signing_keys.1",
        "core.public_url",
        "core.company",
        "core.fallback_email",
        "core.privacy_notice_url",
        "core.mode",
        "limits.cooldown",
    ]


@pytest.mark.parametrize(
    ("key_path", "text"),
    [
        (("routes", 1, "via"), "routes.2.via"),
        (("connections", "helpdesk-eu", "token"), "connections.helpdesk-eu.token"),
        (("core", "odd.key"), 'core."odd.key"'),
        ((), ""),
    ],
)
def test_key_paths_have_dots_and_count_from_one(key_path, text):
    assert format_key_path(key_path) == text


def test_an_unknown_key_is_reported_in_the_file_even_if_its_value_is_referenced(configuration):
    configuration.replace("[core]", '[core]\nhue = { env = "SIGNING" }')
    [mistake] = configuration.mistakes()
    assert mistake.startswith("nps-connect.toml: core.hue: is not a known key; allowed: colour, company,")
