"""`nps-connect config show`: every value in force, with its source; secrets hidden."""

import json
import tomllib

from support.config_mistakes import place_of

SECRET = "a-secret-that-nobody-may-see"


def values(cli, **environ):
    return {row["key"]: row for row in json.loads(cli("config", "show", "--json", **environ).out)["values"]}


def line(cli, text):
    return place_of(cli.folder / "nps-connect.toml", text).removeprefix("nps-connect.toml, ")


def test_each_value_names_its_source(configured_cli):
    (configured_cli.folder / "key").write_text("k" * 32)
    path = configured_cli.folder / "nps-connect.toml"
    path.write_text(
        path.read_text().replace('{ env = "NPS_SIGNING_KEY" }', '{ file = "key" }, { env = "NPS_SIGNING_KEY" }')
    )
    shown = values(configured_cli, NPS_CONNECT_CORE__WORKERS="7", NPS_CONNECT_ROUTES__1__VIA="team")
    assert shown["core.company"] == {
        "key": "core.company",
        "value": "Exemple SA",
        "source": line(configured_cli, "company"),
    }
    assert (shown["core.workers"]["value"], shown["core.workers"]["source"]) == (
        7,
        "environment variable NPS_CONNECT_CORE__WORKERS",
    )
    assert shown["core.colour"]["source"] == shown["limits.quiet_hours"]["source"] == "default"
    assert shown["core.signing_keys"]["value"] == ["[hidden]", "[hidden]"]
    assert shown["core.signing_keys"]["source"] == (
        f"file key, nps-connect.env, line 2 (NPS_SIGNING_KEY), {line(configured_cli, 'signing_keys')}"
    )
    assert shown["routes.1.via"]["source"] == "environment variable NPS_CONNECT_ROUTES__1__VIA"
    assert shown["routes.1.on"]["source"] == line(configured_cli, "on = ")
    assert shown["connections.mail.timeout"] == {
        "key": "connections.mail.timeout",
        "value": 30.0,
        "source": "default",
    }


def test_no_secret_is_shown(configured_cli):
    environ = {"SMTP_URL": f"smtps://user:{SECRET}@mail.example.com", "ALERT_URL": f"json://{SECRET}.example.com/x"}
    environ["NPS_CONNECT_CORE__METRICS_TOKEN"] = SECRET
    environ["NPS_CONNECT_CORE__DATABASE_URL"] = f"postgresql://nps:{SECRET}@db.example.com/nps"
    for arguments in (("config", "show"), ("config", "show", "--json")):
        result = configured_cli(*arguments, **environ)
        assert result.code == 0
        assert "[hidden]" in result.out
        assert SECRET not in result.out + result.err


def test_the_text_is_toml_with_the_same_values(configured_cli):
    environ = {
        "NPS_CONNECT_SURVEYS__AFTER_PURCHASE__QUESTION": '{"fr": "Qu\'en pensez-vous ?", "en": "How was it?"}',
        "NPS_CONNECT_SURVEYS__AFTER_PURCHASE__FOLLOW_UPS": (
            '[{"name": "why", "on": "detractor", "question": {"fr": "Pourquoi ?", "en": "Why?"}}]'
        ),
        "NPS_CONNECT_DELIVERY__RETRY__WRITE_SCORE": '{"delays": ["1m", "2h"], "total": "72h"}',
    }
    text = configured_cli("config", "show", **environ).out
    table = tomllib.loads(text)
    assert table["surveys"]["after-purchase"]["follow_ups"][0]["question"]["en"] == "Why?"
    assert table["delivery"]["retry"]["write_score"] == {"delays": ["1m", "2h"], "jitter": 0.2, "total": "3d"}
    for key, row in values(configured_cli, **environ).items():
        value = table
        for part in key.split("."):
            value = value[int(part) - 1] if isinstance(value, list) else value.get(part)
        assert value == row["value"], key
