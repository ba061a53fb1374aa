"""What stopped by itself is told to staff in the company's own language; the first sentence is the subject."""

import pytest

from nps_connect.rendering import notices

TOLD = {
    "en": {
        "full": "surveys_per_day (200) is reached: more surveys wait",
        "flood": "Trigger crm:deal.won:x is about to reach unusually many people and is held",
        "stopped": "crm is stopped",
    },
    "fr": {
        "full": "surveys_per_day (200) est atteint\u00a0: les autres enquêtes attendent",
        "flood": "Le déclencheur crm:deal.won:x s’apprête à toucher un nombre inhabituel de personnes et il est retenu",
        "stopped": "crm est à l’arrêt",
    },
}


@pytest.mark.parametrize(("language", "spoken"), [("en", "en"), ("fr", "fr"), ("fr-CH", "fr"), ("sv", "en")])
def test_every_notice_is_in_the_companys_language(language, spoken):
    texts = {
        "full": notices.render_daily_cap_reached(language, cap=200),
        "flood": notices.render_trigger_held(language, trigger="crm:deal.won:x"),
        "stopped": notices.render_connection_stopped(
            language, name="crm", reason="refused.", scope="connection:crm", by_itself=True
        ),
    }
    assert {name: text.partition(". ")[0] for name, text in texts.items()} == TOLD[spoken]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_way_out_is_a_command_in_every_language(language):
    flood = notices.render_trigger_held(language, trigger="a b")
    assert "nps-connect triggers release 'a b'" in flood
    assert "nps-connect triggers refuse 'a b'" in flood
    check = notices.render_connection_stopped(
        language, name="crm/write_score", reason="no", scope="queue:crm/write_score", by_itself=True
    )
    assert check.endswith("nps-connect connections check crm")
    resume = notices.render_connection_stopped(
        language, name="crm", reason="no\nno", scope="connection:crm", by_itself=False
    )
    assert resume.endswith("nps-connect resume connection:crm")
    assert "\n" not in resume
