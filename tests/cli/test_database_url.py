"""A malformed database address is a configuration error that never shows a part of the password."""

import psycopg
import pytest

from nps_connect.settings.database_url import POSTGRESQL_OPTIONS

SECRETS = ("s3cret", "w0rd")


@pytest.fixture(
    params=[
        "postgresql://nps:s3cret@w0rd@db.example.com/nps",
        "postgresql://nps:s3cret/w0rd@db.example.com/nps",
        "postgresql://nps:s3cret#w0rd@db.example.com/nps",
        "postgresql://nps:s3cret?w0rd@db.example.com/nps",
        "postgresql://nps:s3cret:w0rd@db.example.com/nps",
        "postgresql://nps:s3cret%w0rd@db.example.com/nps",
        "postgresql://nps:s3cret[w0rd@db.example.com/nps",
        "postgresql://nps:s3cret w0rd@db.example.com/nps",
        "postgresql://nps:s3cret@db.example.com:w0rd/nps",
        "postgresql:/nps:s3cret@db.example.com/nps?w0rd",
        "postgresql://db.example.com/nps?password=s3cret&w0rd",
        "postgresql://db.example.com/nps?password=s3cret&w0rd=1",
        "postgresql://db.example.com/nps?password=s3cret&sslmode=w0rd",
        "postgresql://db.example.com/nps?password=s3cret&connect_timeout=w0rd",
        "postgresql://db.example.com/nps?password=s3cret&password=w0rd",
        "mysql://nps:s3cret@db.example.com/w0rd",
    ]
)
def malformed_url(request):
    return request.param


def assert_hidden(result):
    assert result.code == 2
    assert not any(secret in result.out + result.err for secret in SECRETS)


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize("command", [("db", "create"), ("status",)], ids=" ".join)
def test_a_malformed_address_from_the_environment_is_not_shown(configured_cli, malformed_url, options, command):
    result = configured_cli(*options, *command, NPS_CONNECT_CORE__DATABASE_URL=malformed_url)
    assert_hidden(result)
    assert "core.database_url" in result.err


def test_a_malformed_address_in_the_file_is_not_shown(configured_cli, malformed_url):
    path = configured_cli.folder / "nps-connect.toml"
    path.write_text(path.read_text().replace("sqlite:///nps-connect.db", malformed_url))
    assert_hidden(configured_cli("config", "check"))


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["plain", "debug"])
def test_a_malformed_target_of_a_copy_is_not_shown(configured_cli, malformed_url, options):
    configured_cli("db", "create")
    assert_hidden(configured_cli(*options, "db", "copy", NPS_CONNECT_COPY_TO=malformed_url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example.com/nps",
        "postgres://nps@db.example.com:5432/nps?sslmode=require",
        "postgresql://nps:p%40ss%2Fw0rd@[::1]:5432/nps",
        "postgresql:///nps?host=/run/postgresql&connect_timeout=3",
        "postgresql:///nps?host=a.example.com,b.example.com&port=5432,5433&target_session_attrs=read-write",
    ],
)
def test_a_well_formed_address_is_accepted(configured_cli, url):
    assert configured_cli("config", "check", NPS_CONNECT_CORE__DATABASE_URL=url).code == 0


def test_a_misspelt_option_is_refused_with_the_nearest(configured_cli):
    url = "postgresql://db.example.com/nps?ssl_mode=require"
    result = configured_cli("config", "check", NPS_CONNECT_CORE__DATABASE_URL=url)
    assert result.code == 2
    assert "the nearest is sslmode" in " ".join(result.err.split())


def test_every_option_is_known_to_the_driver():
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    assert known >= POSTGRESQL_OPTIONS
