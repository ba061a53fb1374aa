"""Check the address of the database, so that no mistake in it is left for the driver to find."""

from __future__ import annotations

import re
from difflib import get_close_matches
from urllib.parse import parse_qsl

_USER_PART = r"(?:[^\s:@/?#\[\]%]|%[0-9A-Fa-f]{2})*"
_OPTION = r"\w+=[^\s@#&]*"
_POSTGRESQL_URL = re.compile(
    rf"postgres(?:ql)?://(?:{_USER_PART}(?::{_USER_PART})?@)?"
    r"(?:[^\s:@/?#\[\]%]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
    rf"(?:/[^\s@/?#]*)?(?:\?({_OPTION}(?:&{_OPTION})*))?"
)

_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "keepalives": ("0", "1"),
    "load_balance_hosts": ("disable", "random"),
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "sslcertmode": ("disable", "allow", "require"),
    "sslcompression": ("0", "1"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslsni": ("0", "1"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
"""The only values of some options (https://www.postgresql.org/docs/18/libpq-connect.html, 32.1.2)."""

_WHOLE_NUMBERS = frozenset(
    {"connect_timeout", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout"}
)
_TEXTS = frozenset(
    {
        "application_name",
        "client_encoding",
        "dbname",
        "fallback_application_name",
        "gssdelegation",
        "gsslib",
        "host",
        "hostaddr",
        "krbsrvname",
        "options",
        "passfile",
        "password",
        "port",
        "require_auth",
        "requirepeer",
        "service",
        "sslcert",
        "sslcrl",
        "sslcrldir",
        "sslkey",
        "sslpassword",
        "sslrootcert",
        "user",
    }
)
POSTGRESQL_OPTIONS = frozenset({*_CHOICES, *_WHOLE_NUMBERS, *_TEXTS})
"""Options of a PostgreSQL address; libpq knows some more, which make no sense for an application."""

_HOST_OPTIONS = ("host", "port")
_PORTS = re.compile(r"\d{1,5}(?:,\d{1,5})*")


def check_database_url(url: str) -> None:
    """Check the form of a database address, so strictly that no part of a password is taken for a host or an option.

    ``sqlite://`` is a database in memory.

    Raises:
        ValueError: says what is wrong, without any part of the address but the name of a valid option.
    """
    if url != "sqlite://" and not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("not a database address such as sqlite:///nps-connect.db or postgresql://host/name")
    if url.startswith("sqlite"):
        return
    match = _POSTGRESQL_URL.fullmatch(url)
    if match is None:
        raise ValueError(
            "not a PostgreSQL address such as postgresql://user:password@host:5432/name; special characters of the "
            "password are percent-encoded: @ is %40, / is %2F, : is %3A, # is %23, ? is %3F, % is %25"
        )
    _check_options(parse_qsl(match[1] or "", keep_blank_values=True))


def _check_options(options: list[tuple[str, str]]) -> None:
    """Check names and values of options. An unknown name is not quoted: it can be a part of a password."""
    names = [name for name, _ in options]
    for name, value in options:
        if name not in POSTGRESQL_OPTIONS:
            near = get_close_matches(name, sorted(POSTGRESQL_OPTIONS), n=1, cutoff=0.8)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise ValueError(f"has an option (after ?) that PostgreSQL does not know{hint}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ValueError(f"the option {name} must be one of {', '.join(_CHOICES[name])}")
        if name in _WHOLE_NUMBERS and not (value.isascii() and value.isdigit()):
            raise ValueError(f"the option {name} must be a whole number")
        if name == "port" and not _PORTS.fullmatch(value):
            raise ValueError("the option port must be a port number, or one for each host, separated by commas")
        if names.count(name) > 1 and name not in _HOST_OPTIONS:
            raise ValueError(f"has the option {name} more than once")
