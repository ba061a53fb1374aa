"""Environment variables NPS_CONNECT_<SECTION>__<KEY> override any value."""

from nps_connect.settings.model import Settings


def test_a_value_of_a_section(configuration):
    assert configuration.load(NPS_CONNECT_CORE__MODE="live").core.mode == "live"


def test_a_value_of_a_connection_whose_name_has_a_dash(configuration):
    settings = configuration.load(NPS_CONNECT_CONNECTIONS__HELPDESK_EU__BASE_URL="http://127.0.0.1:1")
    assert settings.connections["helpdesk-eu"]["base_url"] == "http://127.0.0.1:1"
    assert list(settings.connections) == ["helpdesk-eu"]


def test_names_of_new_connections_and_surveys_get_dashes(configuration):
    settings = configuration.load(
        NPS_CONNECT_CONNECTIONS__TEAM_FR__PLUGIN="alerts", NPS_CONNECT_SURVEYS__AFTER_CALL__CHANNEL="mail"
    )
    assert settings.connections["team-fr"] == {"plugin": "alerts"}
    assert settings.surveys["after-call"].channel == "mail"


def test_items_of_a_list_of_tables_count_from_one(configuration):
    settings = configuration.load(NPS_CONNECT_ROUTES__2__VIA="helpdesk-us", NPS_CONNECT_TRIGGERS__1__FROM="crm")
    assert [route.via for route in settings.routes] == ["crm", "helpdesk-us"]
    assert settings.triggers[0].source == "crm"


def test_two_values_in_one_list(configuration):
    settings = configuration.load(NPS_CONNECT_ROUTES__1__VIA="a", NPS_CONNECT_ROUTES__1__DELAY="2h")
    assert settings.routes[0].via == "a"
    assert settings.routes[0].delay.total_seconds() == 7200
    assert settings.routes[1].via == "helpdesk-eu"


def test_a_list_with_commas_or_as_json(configuration):
    assert configuration.load(NPS_CONNECT_CORE__LANGUAGES="en, fr").core.languages == ("en", "fr")
    assert configuration.load(NPS_CONNECT_CORE__LANGUAGES='["en"]').core.languages == ("en",)
    assert configuration.load(NPS_CONNECT_ROUTES__1__ON="passive,detractor").routes[0].on == ("passive", "detractor")
    assert configuration.load(NPS_CONNECT_ROUTES__1__ON="any").routes[0].on == ("promoter", "passive", "detractor")


def test_one_item_of_a_list(configuration):
    assert configuration.load(NPS_CONNECT_CORE__LANGUAGES__2="de").core.languages == ("fr", "de")


def test_a_whole_section_as_json(configuration):
    settings = configuration.load(NPS_CONNECT_ROUTES='[{"on": "any", "do": "send_alert", "via": "team"}]')
    assert [route.do for route in settings.routes] == ["send_alert"]


def test_a_secret_can_be_given_literally(configuration):
    settings = configuration.load(NPS_CONNECT_CORE__SIGNING_KEYS=f"{'a' * 16},{'b' * 16}")
    assert [key.get_secret_value() for key in settings.core.signing_keys] == ["a" * 16, "b" * 16]


def test_a_replaced_reference_is_not_resolved(configuration):
    del configuration.environ["SIGNING"]
    settings = configuration.load(
        NPS_CONNECT_CORE__SIGNING_KEYS="s" * 16, NPS_CONNECT_CONNECTIONS__HELPDESK_EU__TOKEN="t"
    )
    assert settings.connections["helpdesk-eu"]["token"] == "t"


def test_the_target_of_a_reference_can_be_replaced(configuration):
    settings = configuration.load(NPS_CONNECT_CONNECTIONS__HELPDESK_EU__TOKEN__ENV="OTHER", OTHER="t")
    assert settings.connections["helpdesk-eu"]["token"] == "t"


def test_variables_without_a_section_are_ignored(configuration):
    assert configuration.load(NPS_CONNECT_SERVICE_HOST="10.0.0.1", NPS_CONNECT_LOAD_PLUGINS="").core.workers == 4


def test_an_unknown_section(configuration):
    assert configuration.mistakes(NPS_CONNECT_CROE__MODE="live") == [
        (
            "environment variable NPS_CONNECT_CROE__MODE: 'croe' is not a known key of the file; "
            f"allowed: {', '.join(sorted(Settings.model_fields))}; did you mean 'core'?"
        )
    ]


def test_an_unknown_key(configuration):
    assert configuration.mistakes(NPS_CONNECT_LIMITS__COOLDWON="1d") == [
        (
            "environment variable NPS_CONNECT_LIMITS__COOLDWON: 'cooldwon' is not a known key of limits; allowed: "
            "cooldown, defer_at_most, max_event_age, quiet_days, quiet_hours, surveys_per_day, unusual, unusual_factor, unusual_within, when_blocked; did you mean 'cooldown'?"
        )
    ]


def test_a_position_outside_the_list(configuration):
    assert configuration.mistakes(NPS_CONNECT_ROUTES__3__VIA="crm") == [
        "environment variable NPS_CONNECT_ROUTES__3__VIA: there is no routes.3; allowed: 1 to 2"
    ]


def test_a_wrong_value_names_the_variable_and_not_the_value(configuration):
    assert configuration.mistakes(NPS_CONNECT_CORE__WORKERS="s3cret") == [
        "environment variable NPS_CONNECT_CORE__WORKERS: core.workers: is not a whole number"
    ]


def test_a_wrong_value_by_reference_names_the_variable_too(configuration):
    configuration.replace("[core]", '[core]\nmode = { env = "MODE" }')
    assert configuration.mistakes(MODE="lvie") == [
        "environment variable MODE: core.mode: is not one of the allowed values; allowed: shadow, live"
    ]


def test_a_value_of_the_environment_file_names_its_line(configuration):
    """Also behind comments and blank lines; the process environment takes precedence and is named as such."""
    configuration.replace("[core]", '[core]\nmode = { env = "MODE" }')
    path = configuration.folder / "nps-connect.env"
    path.write_text("# of this host\n\nNPS_CONNECT_CORE__WORKERS=many\n\n\nMODE=lvie\n")
    assert configuration.mistakes(NPS_CONNECT_LIMITS__UNUSUAL="few") == [
        f"{path}, line 6 (MODE): core.mode: is not one of the allowed values; allowed: shadow, live",
        f"{path}, line 3 (NPS_CONNECT_CORE__WORKERS): core.workers: is not a whole number",
        "environment variable NPS_CONNECT_LIMITS__UNUSUAL: limits.unusual: is not a whole number",
    ]


def test_an_empty_variable_of_the_environment_file_is_named_there(configuration):
    path = configuration.folder / "nps-connect.env"
    path.write_text("SIGNING=\n")
    del configuration.environ["SIGNING"]
    assert f"{path}, line 1 (SIGNING) is empty; set it before starting" in configuration.mistakes()[0]
