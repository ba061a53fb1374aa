"""The configuration as a whole: what one table says about another, told in sentences."""

import pytest


def test_a_right_configuration_gives_each_connection_its_settings(world):
    connections = world.validate()
    assert list(connections) == ["crm", "mail", "places"]
    assert connections["crm"].token.get_secret_value() == "s" * 20
    assert connections["crm"].events == "poll"


def test_lists_of_plugins_come_from_the_environment_too(world):
    assert world.validate(NPS_CONNECT_CONNECTIONS__CRM__PIPELINES="a,b")["crm"].pipelines == ("a", "b")


def test_a_language_with_a_region_is_served_by_its_language(world):
    world.replace("[core]", '[core]\nlanguages = ["fr-CA"]')
    assert world.validate()


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
                "connections.crm.events: is not one of the allowed words; allowed: webhook, poll, none; "
                "did you mean 'poll'?"
            ),
        ),
        (
            'events = "poll"',
            'events = "webhook"',
            "connections.crm.events: plugin 'people' gives no events by webhook; allowed: poll, none",
        ),
        (
            'events = "poll"',
            "",
            (
                "triggers.1.from: connection 'crm' has events = \"none\", so nothing would ever arrive; "
                "set connections.crm.events to poll"
            ),
        ),
        (
            'from = "crm"',
            'from = "cmr"',
            "triggers.1.from: there is no connection 'cmr'; allowed: crm; did you mean 'crm'?",
        ),
        ('from = "crm"', 'from = "mail"', "triggers.1.from: connection 'mail' gives no events; allowed: crm"),
        (
            '"deal.won"',
            '"deal.one"',
            (
                "triggers.1.on: plugin 'people' gives no event 'deal.one'; allowed: deal.won, deal.lost; "
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
            "triggers.2: has the same name as triggers.1, 'crm:deal.won:after-purchase'; give each a name of its own",
        ),
        (
            'channel = "mail"',
            'channel = "crm"',
            "surveys.after-purchase.channel: connection 'crm' cannot carry messages to people; allowed: mail",
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
def test_one_mistake_one_sentence(world, old, new, sentence):
    world.replace(old, new)
    assert f"nps-connect.toml: {sentence}" in world.mistakes()


def test_a_mistake_in_a_filter_is_shown_below_with_a_caret_under_it(world):
    world.replace('"amount >= 100"', '"amount >= 100 and amuont < 5"')
    assert world.mistakes()[-2:] == ["  amount >= 100 and amuont < 5", "                    ^"]


def test_no_routes_at_all(world):
    text = world.path.read_text()
    world.path.write_text(text[: text.index("[[routes]]")])
    assert world.mistakes() == [
        "nps-connect.toml: routes: there is no route, so answers would lead nowhere; add at least one [[routes]] table"
    ]


def test_a_route_that_an_earlier_one_always_wins_against(world):
    world.replace(
        'do = "write_score"\nvia = "crm"\n',
        'do = "write_score"\nvia = "crm"\n\n[[routes]]\non = "detractor"\ndo = "write_score"\nvia = "crm"\n',
    )
    assert world.mistakes() == [
        (
            "nps-connect.toml: routes.2: never happens: routes.1 already leads the same answers to write_score "
            "via 'crm'; remove one of them, or give them different segments, scores, surveys, "
            "touchpoints or languages"
        )
    ]


def test_a_special_route_before_the_general_one_is_no_duplicate(world):
    world.replace(
        '[[routes]]\non = "any"\ndo',
        '[[routes]]\non = "any"\ndo = "write_score"\nvia = "crm"\nsurveys = ["after-purchase"]\n'
        'comment = "none"\n\n[[routes]]\non = "any"\ndo',
    )
    assert world.validate()


def test_asking_only_promoters_where_the_platform_forbids_it(world):
    world.path.write_text(world.path.read_text().rpartition("[[routes]]")[0])
    assert world.mistakes() == [
        (
            "nps-connect.toml: routes.2: the review link of 'places' goes to some customers only, never to passive and "
            "detractor, which the platform forbids: everybody must be asked (the platform's rules); either add a route with "
            'on = ["passive", "detractor"], do = "invite_review", via = "places", lead = "help", or write down why not: '
            'accept_selective_invitation = "<reason>"'
        )
    ]


def test_a_written_reason_is_accepted(world):
    world.path.write_text(
        world.path.read_text().rpartition("[[routes]]")[0]
        + 'accept_selective_invitation = "our lawyers agreed to it in writing"\n'
    )
    assert world.validate()


def test_all_mistakes_are_told_at_once_and_only_once(world):
    world.replace('plugin = "people"', 'plugin = "poeple"')
    world.replace('"after-purchase"\nwhere', '"other"\nwhere')
    world.replace('via = "places"\nlead', 'via = "place"\nlead')
    keys = [mistake.split(": ")[1] for mistake in world.mistakes()]
    assert keys == ["connections.crm.plugin", "triggers.1.survey", "routes.3.via", "routes.2"]


def test_a_mistake_in_the_environment_names_the_variable(world):
    assert world.mistakes(NPS_CONNECT_CONNECTIONS__CRM__PROTAL="7", NPS_CONNECT_CONNECTIONS__CRM__PORTAL="seven") == [
        ("environment variable NPS_CONNECT_CONNECTIONS__CRM__PORTAL: connections.crm.portal: is not a whole number"),
        (
            "environment variable NPS_CONNECT_CONNECTIONS__CRM__PROTAL: connections.crm.protal: is not a known key; "
            "allowed: base_url, events, pipelines, plugin, poll_every, portal, token; did you mean 'portal'?"
        ),
    ]


def test_a_route_for_a_touchpoint_or_a_language_that_no_answer_has(world):
    world.replace(
        'do = "write_score"\nvia = "crm"\n',
        'do = "write_score"\nvia = "crm"\ntouchpoints = ["after-purchace"]\nlanguages = ["de"]\n',
    )
    touchpoint, language = world.mistakes()
    assert "routes.1.touchpoints.1: no survey and no trigger has the touchpoint 'after-purchace'" in touchpoint
    assert "did you mean" in touchpoint
    assert "routes.1.languages.1: nobody answers in 'de'" in language


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
def test_a_text_that_lacks_one_of_the_languages_is_refused(world, texts, key):
    world.replace("[core]", '[core]\nlanguages = ["fr", "en"]')
    world.replace('channel = "mail"', f'channel = "mail"\n{texts}')
    [mistake] = world.mistakes()
    assert mistake == (
        f"nps-connect.toml: surveys.after-purchase.{key}: there is no text in 'fr', which core.languages holds; "
        "add fr = \"...\" to it, or take 'fr' out of core.languages"
    )


@pytest.mark.parametrize("signature", ['"Claire"', '{ fr = "Claire, clientèle", en = "Claire, care" }'])
def test_a_signature_is_one_text_or_one_in_each_language(world, signature):
    world.replace("[core]", '[core]\nlanguages = ["fr", "en"]')
    world.replace('channel = "mail"', f'channel = "mail"\nsigned_by = {signature}')
    assert world.validate()
