"""`validate` returns the settings of the connections, or raises `ConfigErrors` that quote no secret."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps_connect.app.validation import validate
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText

FIXTURE_SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SECRET = "never-to-be-shown-anywhere"

CORE = {
    "public_url": "https://nps.example.com",
    "company": "Exemple SA",
    "signing_keys": ["k" * 16],
    "fallback_email": "care@example.com",
    "privacy_notice_url": "https://www.example.com/privacy",
}
names = st.sampled_from(["crm", "mail", "places", "other"])
values = st.none() | st.integers() | st.text(max_size=5) | st.just(SECRET) | st.just(ReferencedText(SECRET, "here"))
connections = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"plugin": st.sampled_from(["people", "post", "stars", "charts", "nothing"]) | values},
        optional={
            "token": values | st.lists(values, max_size=2),
            "events": st.sampled_from(["poll", "webhook", "none"]) | values,
            "portal": values,
            "pipelines": values | st.lists(values, max_size=2),
            "base_url": values,
            "anything": values | st.dictionaries(st.text(max_size=3), values, max_size=2),
        },
    ),
)
surveys = st.dictionaries(st.sampled_from(["a", "b"]), st.fixed_dictionaries({"channel": names}))
triggers = st.lists(
    st.fixed_dictionaries(
        {"on": st.sampled_from(["deal.won", "deal.lost", "x.y"]), "from": names, "survey": st.sampled_from(["a", "b"])},
        optional={"where": st.text(max_size=12) | st.sampled_from(["amount > 1", "city == 'x'", "amount >"])},
    ),
    max_size=3,
)
routes = st.lists(
    st.fixed_dictionaries(
        {
            "on": st.sampled_from(["any", "promoter", "detractor", ["passive", "detractor"]]),
            "do": st.sampled_from(["write_score", "invite_review", "open_ticket", "send_alert"]),
            "via": names,
        },
        optional={"surveys": st.lists(st.sampled_from(["a", "b"]), max_size=2)},
    ),
    max_size=4,
)


@FIXTURE_SETTINGS
@given(connections=connections, surveys=surveys, triggers=triggers, routes=routes)
def test_any_combination_of_tables(configuration, connections, surveys, triggers, routes):
    parts = {"connections": connections, "surveys": surveys, "triggers": triggers, "routes": routes}
    loaded = Settings.model_validate({"core": CORE, **parts})
    parsed, mistakes = None, []
    try:
        parsed = validate(loaded, configuration.plugins)
    except ConfigErrors as errors:
        mistakes = errors.errors
    assert (parsed is None) == bool(mistakes)
    assert all(mistake.key and mistake.problem for mistake in mistakes)
    assert not any(SECRET in mistake.sentence() for mistake in mistakes if not mistake.key.endswith(".plugin"))
    assert SECRET not in repr(parsed)
    if parsed is not None:
        assert set(parsed) == set(connections)
        assert all(isinstance(connection, ConnectionSettings) for connection in parsed.values())
