"""Any file and environment yields settings or a `ConfigError` without secrets."""

import json
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps_connect.errors import ConfigError
from nps_connect.settings.key_paths import model_keys
from nps_connect.settings.load_settings import load_settings
from nps_connect.settings.model import Core, Limits, Route, Settings, Survey, Trigger

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SECRET = "never-to-be-shown-anywhere"
SECTIONS = {"core": Core, "limits": Limits, "surveys": Survey, "triggers": Trigger, "routes": Route}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.just({"env": "SECRET"})
    | st.just({"file": "secret"})
    | st.sampled_from(["any", "3d", "live", "sqlite:///x", "https://example.com", "deal.won", "crm", "a@example.com"])
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def tables(model):
    return st.dictionaries(st.sampled_from(sorted(model_keys(model))) | st.text(max_size=4), trees, max_size=9)


configurations = st.fixed_dictionaries(
    {},
    optional={
        "core": tables(Core) | trees,
        "limits": tables(Limits) | trees,
        "surveys": st.dictionaries(st.sampled_from(["a", "B b"]), tables(Survey), max_size=2) | trees,
        "triggers": st.lists(tables(Trigger), max_size=2) | trees,
        "routes": st.lists(tables(Route), max_size=2) | trees,
        "connections": st.dictionaries(st.sampled_from(["crm", ""]), tables(Limits), max_size=2) | trees,
        "anything": trees,
    },
)


def toml(value):
    """Return a value as inline TOML, without what TOML cannot represent."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if value is None:
        return "1979-05-27"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def quoted(text):
    scalar = "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff")
    return json.dumps(scalar, ensure_ascii=False).replace("\x7f", "\\u007f")


def load_or_describe(path, environ):
    try:
        loaded = load_settings(path, environ)
    except ConfigError as error:
        return str(error)
    assert isinstance(loaded, Settings)
    return repr(loaded)


@CALM
@given(tree=configurations)
def test_any_tree(tmp_path, tree):
    path = tmp_path / "nps-connect.toml"
    path.write_text("\n".join(f"{quoted(key)} = {toml(value)}" for key, value in tree.items()), encoding="utf-8")
    (tmp_path / "secret").write_text(SECRET)
    text = load_or_describe(path, {"SECRET": SECRET})
    assert "not valid TOML" not in text
    assert SECRET not in text


@CALM
@given(text=st.text(max_size=80) | st.text(alphabet="[]{}=\"'.,#\n ab1", max_size=60))
def test_any_text(tmp_path, text):
    path = tmp_path / "nps-connect.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert load_or_describe(path, {})


names = st.lists(
    st.sampled_from(["CORE", "ROUTES", "LANGUAGES", "CONNECTIONS", "HELPDESK_EU", "1", "0", "9", "ON", "", "ENV", "X"])
    | st.text(alphabet=string.ascii_letters + string.digits + "_-é", max_size=4),
    min_size=1,
    max_size=5,
).map(lambda parts: "NPS_CONNECT_" + "__".join(parts))
values = st.just(SECRET) | st.sampled_from(["[", "[1]", '{"a": [{}]}', "any", "", "1", ","]) | st.text(max_size=5)


@CALM
@given(environ=st.dictionaries(names, values, max_size=4))
def test_any_environment(configuration, environ):
    text = load_or_describe(configuration.path, {**configuration.environ, **environ})
    assert SECRET not in text or SECRET in " ".join(environ)
