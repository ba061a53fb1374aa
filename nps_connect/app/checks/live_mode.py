"""Check what would make mail leave wrongly: example values, and an insecure public address, in live mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nps_connect.app.checks.context import CheckContext
from nps_connect.plugins import Plugins
from nps_connect.records.base import is_loopback
from nps_connect.settings.key_paths import KeyPath
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText

EXAMPLE_DOMAIN = "example.com"


class ExampleValue(NamedTuple):
    """A value of the initial configuration that nobody has replaced.

    Attributes:
        key_path: of the value.
        fix: what to do.
    """

    key_path: KeyPath
    fix: str


def check_live_mode(context: CheckContext) -> None:
    """Check that customers would get working links and real addresses.

    A public address on this machine is exempt: nobody else can open it, so it is a sandbox or a demo. So are settings
    that come from no file, because nobody forgot an example there.
    """
    core = context.settings.core
    if core.mode != "live" or is_loopback(core.public_url.host or "") or context.settings.origins.file is None:
        return
    if core.public_url.scheme != "https":
        problem = 'is not https, and mode = "live" sends it to customers: browsers warn, answers travel in clear'
        context.add_mistake(("core", "public_url"), problem, fix="write https://, or set core.mode to shadow")
    for example in find_example_values(context.settings, context.plugins):
        fix = f"{example.fix}, or set core.mode to shadow"
        context.add_mistake(example.key_path, 'still has its example value, and mode = "live" sends mail', fix=fix)


def find_example_values(settings: Settings, plugins: Plugins) -> Iterator[ExampleValue]:
    """Yield the values of the initial configuration that are still there."""
    core = settings.core
    for key, value in (
        ("public_url", core.public_url.host or ""),
        ("fallback_email", core.fallback_email),
        ("help_email", core.help_email or ""),
        ("privacy_notice_url", core.privacy_notice_url.host or ""),
    ):
        if value.endswith(EXAMPLE_DOMAIN):
            yield ExampleValue(("core", key), f"set core.{key}")
    for name, table in settings.connections.items():
        info = plugins.infos.get(str(table.get("plugin")))
        if info is None:
            continue
        placeholders = set(info.example.environment.values())
        for key_path, value in _leaves(table, ("connections", name)):
            if isinstance(value, ReferencedText) and value in placeholders:
                yield ExampleValue(key_path, f"set it in {value.origin}")
        for question in info.example.questions:
            if not question.may_stay and table.get(question.key) == info.example.example_value(question.key):
                yield ExampleValue(("connections", name, question.key), f"set connections.{name}.{question.key}")


def _leaves(value: Any, key_path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:  # noqa: ANN401  # a tree of anything
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*key_path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*key_path, index))
    else:
        yield key_path, value
