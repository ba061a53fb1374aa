"""`validate`: each mistake between tables is reported in one sentence."""

import pytest


def test_a_valid_configuration_returns_the_settings_of_each_connection(configuration):
    connections = configuration.validate()
    assert list(connections) == ["crm", "mail", "places"]
    assert connections["crm"].token.get_secret_value() == "s" * 20
    assert connections["crm"].events == "poll"


def test_lists_of_a_plugin_can_come_from_the_environment(configuration):
    assert configuration.validate(NPS_CONNECT_CONNECTIONS__CRM__PIPELINES="a,b")["crm"].pipelines == ("a", "b")


def test_a_language_with_a_region_is_supported_by_its_base_language(configuration):
    configuration.replace("[core]", '[core]\nlanguages = ["fr-CA"]')
    assert configuration.validate()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'plugin = "people"',
            'plugin = "poeple"',
            "connections.crm.plugin: there is no plugin 'poeple'; allowed: people, post, stars; did you mean 'people'?",
        ),
        (
            'plugin = "people"',
            'plugin = "charts"',
            (
                "connections.crm.plugin: plugin 'charts' is off: cannot be imported: ImportError: no charts; "
                "see: nps-connect plugins list"
            ),
        ),
        ('plugin = "people"', "", "connections.crm.plugin: is missing; allowed: people, post, stars"),
        ('plugin = "people"', "plugin = 3", "connections.crm.plugin: is not a text; allowed: people, post, stars"),
        (
            'token = { env = "SECRET" }',
            'token = "hush"',
            (
                'connections.crm.token: is a secret and must not be in the file; write { env = "NAME" } or '
                '{ file = "path" } instead'
            ),
        ),
        ('token = { env = "SECRET" }', "", "connections.crm.token: is missing"),
        (
            'token = { env = "SECRET" }',
            'tokne = { env = "SECRET" }',
            (
                "connections.crm.tokne: is not a known key; allowed: base_url, events, pipelines, plugin, poll_every, "
                "portal, token; did you mean 'token'?"
            ),
        ),
        (
            'events = "poll"',
            'events = "pol"',
            (
                "connections.crm.events: is not one of the allowed values; allowed: webhook, poll, api, none; "
                "did you mean 'poll'?"
            ),
        ),
        (
            'events = "poll"',
            'events = "webhook"',
            "connections.crm.events: plugin 'people' does not deliver events by webhook; allowed: poll, api, none",
        ),
        (
            'events = "poll"',
            "",
            (
                "triggers.1.from: connection 'crm' has events = \"none\", so nothing would ever arrive; "
                "set connections.crm.events to poll or api"
            ),
        ),
        (
            'from = "crm"',
            'from = "cmr"',
            "triggers.1.from: there is no connection 'cmr'; allowed: crm; did you mean 'crm'?",
        ),
        ('from = "crm"', 'from = "mail"', "triggers.1.from: connection 'mail' sends no events; allowed: crm"),
        (
            '"deal.won"',
            '"deal.one"',
            (
                "triggers.1.on: plugin 'people' sends no event 'deal.one'; allowed: deal.won, deal.lost; "
                "did you mean 'deal.won'?"
            ),
        ),
        (
            'survey = "after-purchase"',
            'survey = "after-purchases"',
            (
                "triggers.1.survey: there is no survey 'after-purchases'; allowed: after-purchase; "
                "did you mean 'after-purchase'?"
            ),
        ),
        (
            '"amount >= 100"',
            '"amuont >= 100"',
            (
                "triggers.1.where: column 1: unknown field 'amuont', did you mean 'amount'? known fields: amount, "
                "contact.email_domain, contact.language, contact.name, contact.timezone, history.answers, "
                "history.last_answered_at, history.last_score, history.last_surveyed_at"
            ),
        ),
        (
            '[[routes]]\non = "any"',
            '[[triggers]]\non = "deal.won"\nfrom = "crm"\nsurvey = "after-purchase"\n\n[[routes]]\non = "any"',
            "triggers.2: has the same name as triggers.1, 'crm:deal.won:after-purchase'; give each trigger its own name",
        ),
        (
            'channel = "mail"',
            'channel = "crm"',
            "surveys.after-purchase.channel: connection 'crm' cannot send messages to customers; allowed: mail",
        ),
        (
            'channel = "mail"',
            'channel = "mial"',
            "surveys.after-purchase.channel: there is no connection 'mial'; allowed: mail; did you mean 'mail'?",
        ),
        (
            'channel = "mail"',
            'channel = "mail"\nquestion = { de = "Wie?", en = "How?" }',
            "surveys.after-purchase.question.de: is not one of the languages of core.languages; allowed: en",
        ),
        (
            "[core]",
            '[core]\nlanguages = ["en", "tlh"]',
            "core.languages.2: mails and pages are not translated into 'tlh'; allowed: en, fr",
        ),
        ('via = "crm"', 'via = "mail"', "routes.1.via: connection 'mail' cannot write score; allowed: crm"),
        (
            'via = "crm"',
            'via = "crmm"',
            "routes.1.via: there is no connection 'crmm'; allowed: crm; did you mean 'crm'?",
        ),
        (
            'via = "crm"',
            'via = "crm"\nsurveys = ["onboarding"]',
            "routes.1.surveys.1: there is no survey 'onboarding'; allowed: after-purchase",
        ),
    ],
)
def test_one_mistake_one_sentence(configuration, old, new, sentence):
    configuration.replace(old, new)
    assert f"nps-connect.toml: {sentence}" in configuration.mistakes()


def test_a_mistake_in_a_filter_is_shown_with_a_caret(configuration):
    configuration.replace('"amount >= 100"', '"amount >= 100 and amuont < 5"')
    assert configuration.mistakes()[-2:] == ["  amount >= 100 and amuont < 5", "                    ^"]


def test_at_least_one_route_is_required(configuration):
    text = configuration.path.read_text()
    configuration.path.write_text(text[: text.index("[[routes]]")])
    assert configuration.mistakes() == [
        "nps-connect.toml: routes: there is no route, so responses would have no effect; add at least one [[routes]] table"
    ]


def test_a_route_that_an_earlier_one_shadows_is_a_mistake(configuration):
    configuration.replace(
        'do = "write_score"\nvia = "crm"\n',
        'do = "write_score"\nvia = "crm"\n\n[[routes]]\non = "detractor"\ndo = "write_score"\nvia = "crm"\n',
    )
    assert configuration.mistakes() == [
        (
            "nps-connect.toml: routes.2: is never used: routes.1 matches the same responses for write_score "
            "via 'crm'; remove one of them, or give them different segments, scores, surveys, "
            "touchpoints or languages"
        )
    ]


def test_a_special_route_before_a_general_one_is_valid(configuration):
    configuration.replace(
        '[[routes]]\non = "any"\ndo',
        '[[routes]]\non = "any"\ndo = "write_score"\nvia = "crm"\nsurveys = ["after-purchase"]\n'
        'comment = "none"\n\n[[routes]]\non = "any"\ndo',
    )
    assert configuration.validate()


def test_inviting_only_promoters_is_a_mistake_if_the_platform_forbids_it(configuration):
    configuration.path.write_text(configuration.path.read_text().rpartition("[[routes]]")[0])
    assert configuration.mistakes() == [
        (
            "nps-connect.toml: routes.2: the review link of 'places' goes to some customers only, never to passive and "
            "detractor, which the platform forbids: everybody must be asked (the platform's rules); either add a route with "
            'on = ["passive", "detractor"], do = "invite_review", via = "places", lead = "help", or give a reason: '
            'accept_selective_invitation = "<reason>"'
        )
    ]


def test_a_reason_for_selective_invitations_is_accepted(configuration):
    configuration.path.write_text(
        configuration.path.read_text().rpartition("[[routes]]")[0]
        + 'accept_selective_invitation = "our lawyers agreed to it in writing"\n'
    )
    assert configuration.validate()


def test_all_mistakes_are_reported_together_and_once(configuration):
    configuration.replace('plugin = "people"', 'plugin = "poeple"')
    configuration.replace('"after-purchase"\nwhere', '"other"\nwhere')
    configuration.replace('via = "places"\nlead', 'via = "place"\nlead')
    keys = [mistake.split(": ")[1] for mistake in configuration.mistakes()]
    assert keys == ["connections.crm.plugin", "triggers.1.survey", "routes.3.via", "routes.2"]


def test_mistakes_of_every_kind_are_reported_in_one_pass(configuration):
    """A wrong type in one table hides no name that another table gets wrong."""
    configuration.replace('company = "Exemple SA"', "company = 3")
    configuration.replace('events = "poll"', 'events = "pol"')
    configuration.replace('plugin = "post"', 'plugin = "pots"')
    configuration.replace('"after-purchase"\nwhere', '"after-purchace"\nwhere')
    configuration.replace("amount >= 100", "amuont >= 100")
    configuration.replace('on = "promoter"', 'on = "promotor"')
    configuration.replace('via = "crm"', 'via = "crmm"')
    mistakes = configuration.mistakes(NPS_CONNECT_LIMITS__COOLDWON="1d")
    keys = [mistake.split(": ")[1] for mistake in mistakes if mistake.startswith("nps-connect.toml")]
    assert sorted(keys) == [
        "connections.crm.events",
        "connections.mail.plugin",
        "core.company",
        "routes.1.via",
        "routes.2.on",
        "triggers.1.survey",
        "triggers.1.where",
    ]


def test_what_follows_from_a_mistake_is_not_reported(configuration):
    """Of a secret that is not set its content is not judged, and a misspelt section makes no name unknown."""
    assert [mistake.split(": ")[1] for mistake in configuration.mistakes(SECRET="")] == [
        "core.signing_keys.1",
        "connections.crm.token",
    ]
    configuration.replace("[surveys.after-purchase]", "[survyes.after-purchase]")
    [mistake] = configuration.mistakes()
    assert "survyes: is not a known key" in mistake


def test_a_mistake_in_the_environment_names_the_variable(configuration):
    assert configuration.mistakes(
        NPS_CONNECT_CONNECTIONS__CRM__PROTAL="7", NPS_CONNECT_CONNECTIONS__CRM__PORTAL="seven"
    ) == [
        ("environment variable NPS_CONNECT_CONNECTIONS__CRM__PORTAL: connections.crm.portal: is not a whole number"),
        (
            "environment variable NPS_CONNECT_CONNECTIONS__CRM__PROTAL: connections.crm.protal: is not a known key; "
            "allowed: base_url, events, pipelines, plugin, poll_every, portal, token; did you mean 'portal'?"
        ),
    ]


def test_a_route_for_an_unknown_touchpoint_or_language_is_a_mistake(configuration):
    configuration.replace(
        'do = "write_score"\nvia = "crm"\n',
        'do = "write_score"\nvia = "crm"\ntouchpoints = ["after-purchace"]\nlanguages = ["de"]\n',
    )
    touchpoint, language = configuration.mistakes()
    assert "routes.1.touchpoints.1: no survey and no trigger has the touchpoint 'after-purchace'" in touchpoint
    assert "did you mean" in touchpoint
    assert "routes.1.languages.1: no response is in 'de'" in language


@pytest.mark.parametrize(
    ("texts", "key"),
    [
        ('question = { en = "How?" }', "question"),
        ('signed_by = { en = "Claire Dupont" }', "signed_by"),
        (
            '[[surveys.after-purchase.follow_ups]]\nname = "why"\non = "any"\nquestion = { en = "Why?" }',
            "follow_ups.1.question",
        ),
    ],
)
def test_a_text_must_exist_in_every_language(configuration, texts, key):
    configuration.replace("[core]", '[core]\nlanguages = ["fr", "en"]')
    configuration.replace('channel = "mail"', f'channel = "mail"\n{texts}')
    [mistake] = configuration.mistakes()
    assert mistake == (
        f"nps-connect.toml: surveys.after-purchase.{key}: there is no text in 'fr', which is in core.languages; "
        "add fr = \"...\" to it, or remove 'fr' from core.languages"
    )


@pytest.mark.parametrize("signature", ['"Claire"', '{ fr = "Claire, clientèle", en = "Claire, care" }'])
def test_a_signature_is_one_text_or_one_in_each_language(configuration, signature):
    configuration.replace("[core]", '[core]\nlanguages = ["fr", "en"]')
    configuration.replace('channel = "mail"', f'channel = "mail"\nsigned_by = {signature}')
    assert configuration.validate()


@pytest.mark.parametrize(
    ("table", "period", "longest", "needed"),
    [
        ('[limits]\ncooldown = "500d"\n[retention]\ndeliveries = "500d"', "events: 396d", "limits.cooldown", "500d"),
        ('[limits]\ncooldown = "500d"\n[retention]\nevents = "500d"', "deliveries: 396d", "limits.cooldown", "500d"),
        ('[retention]\nevents = "80d"', "events: 80d", "limits.cooldown", "90d"),
        ('[retention]\ndeliveries = "100d"', "deliveries: 100d", "reviews.cooldown", "180d"),
        ('[retention]\nattempts = "397d"', "deliveries: 396d", "retention.attempts", "397d"),
    ],
)
def test_data_is_kept_as_long_as_it_is_needed(configuration, table, period, longest, needed):
    configuration.path.write_text(f"{configuration.path.read_text()}\n{table}\n")
    [mistake] = configuration.mistakes()
    assert mistake == (
        f"nps-connect.toml: retention.{period} is shorter than {longest} ({needed}); "
        f'set it to "{needed}" or longer, or shorten {longest}'
    )


def test_page_views_are_kept_while_soft_bounces_are_compared_with_them(configuration):
    configuration.path.write_text(f'{configuration.path.read_text()}\n[retention]\npage_views = "399d"\n')
    [mistake] = configuration.mistakes()
    assert mistake == (
        "nps-connect.toml: retention.page_views: 399d is shorter than the time in which soft bounces are compared "
        '(400d); set it to "400d" or longer'
    )


def test_a_survey_that_accepts_responses_for_years_needs_a_longer_retention(configuration):
    configuration.replace('channel = "mail"', 'channel = "mail"\nexpires_after = "800d"')
    deliveries, page_views = configuration.mistakes()
    assert "retention.deliveries: 396d is shorter than surveys.after-purchase.expires_after (800d)" in deliveries
    assert "retention.page_views: 400d is shorter than surveys.after-purchase.expires_after (800d)" in page_views
