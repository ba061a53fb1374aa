"""Notices to staff: whole in the company's language; the first sentence is the mail's subject."""

import pytest

from nps_connect.rendering import notices

SUBJECTS = {
    "en": {
        "cap": "Daily survey limit reached (surveys_per_day = 200): further surveys are waiting",
        "held": "Trigger crm:deal.won:x was about to contact an unusual number of people and is on hold",
        "paused": "Connection crm is paused",
    },
    "fr": {
        "cap": "Limite quotidienne d’enquêtes atteinte (surveys_per_day = 200)\u00a0: les enquêtes suivantes sont en attente",
        "held": "Le déclencheur crm:deal.won:x allait contacter un nombre inhabituel de personnes et il est suspendu",
        "paused": "La connexion crm est suspendue",
    },
}


def render_paused(language, scope="connection:crm", cause="auth", reason="refused."):
    return notices.render_connection_paused(language, scope=scope, cause=cause, reason=reason)


def render_problem(language, **changes):
    values = {
        "delivery_id": 42,
        "action": "open_ticket",
        "connection": "helpdesk",
        "state": "dead",
        "kind": "auth_failed",
        "detail": "the token was refused (401)",
    }
    return notices.render_delivery_problem(language, **values | changes)


@pytest.mark.parametrize(("language", "expected"), [("en", "en"), ("fr", "fr"), ("fr-CH", "fr"), ("sv", "en")])
def test_every_notice_is_in_the_company_language(language, expected):
    texts = {
        "cap": notices.render_daily_cap_reached(language, cap=200),
        "held": notices.render_trigger_held(language, trigger="crm:deal.won:x"),
        "paused": render_paused(language),
    }
    assert {name: text.partition(". ")[0] for name, text in texts.items()} == SUBJECTS[expected]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_notice_names_the_command_to_run(language):
    held = notices.render_trigger_held(language, trigger="a b")
    assert "nps-connect triggers release 'a b'" in held
    assert "nps-connect triggers refuse 'a b'" in held
    check = render_paused(language, scope="queue:crm/write_score", cause="not_allowed", reason="no")
    assert check.endswith("nps-connect connections check crm")
    resume = render_paused(language, cause="plugin", reason="no\nno")
    assert resume.endswith("nps-connect resume connection:crm")
    assert "\n" not in resume
    assert render_problem(language).endswith("nps-connect deliveries retry 42")
    for state in ("held", "pending"):
        assert render_problem(language, state=state).endswith("nps-connect deliveries show 42")


def test_error_texts_and_action_names_appear_in_english_notices_only():
    paused = {language: render_paused(language, scope="queue:crm/write_score") for language in ("en", "fr")}
    assert paused["en"].startswith(
        "Connection crm is paused (score update). Cause: the credentials are refused (refused)."
    )
    assert paused["fr"].startswith(
        "La connexion crm est suspendue (mise à jour de la note). Cause\u00a0: les identifiants sont refusés."
    )
    assert render_problem("en").startswith(
        "ticket creation on the connection helpdesk: failed permanently (the token was refused (401))."
    )
    french = render_problem("fr")
    assert french.startswith(
        "création de ticket par la connexion helpdesk\u00a0: échec définitif (les identifiants sont refusés)."
    )
    assert not {"open_ticket", "refused", "dead"} & set(french.replace("(", " ").split())


@pytest.mark.parametrize("state", ["dead", "held", "pending"])
@pytest.mark.parametrize("kind", [None, "retry_later", "in_doubt", "rejected", "duplicate_receipt", "bug"])
def test_every_state_and_cause_has_a_text(state, kind):
    assert render_problem("fr", state=state, kind=kind, detail="")
    assert render_problem("en", state=state, kind=kind, detail="")


@pytest.mark.parametrize("kind", ["bug", "plugin"])
def test_errors_of_programs_are_not_shown(kind):
    text = render_problem("en", kind=kind, detail="TypeError: nps_open_tickets() broke")
    assert not [word for word in ("TypeError", "nps_open_tickets") if word in text]
    paused = render_paused("en", cause="plugin", reason="hubspot: nps_find_contacts did not answer")
    assert "Cause: the plugin does not work as required. " in paused
