"""What the checks read, and where they record mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigError
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import ConnectorInfo, EventKind
from nps_connect.settings.key_paths import KeyPath, format_key_path, nearest
from nps_connect.settings.model import Settings


@dataclass
class CheckContext:
    """A configuration that is being checked.

    Attributes:
        settings: the file.
        plugins: the installed plugins.
        parsed: settings of the connections whose own table is valid, by name.
        mistakes: the mistakes so far, in the order of the file.
    """

    settings: Settings
    plugins: Plugins
    parsed: dict[str, ConnectionSettings] = field(default_factory=dict)
    mistakes: list[ConfigError] = field(default_factory=list)

    def add_mistake(
        self,
        key_path: KeyPath,
        problem: str,
        *,
        allowed: Iterable[str] | None = None,
        nearest: str | None = None,
        fix: str | None = None,
        shown: str | None = None,
    ) -> None:
        """Record one mistake; the arguments are those of `ConfigError`."""
        choices = None if allowed is None else ", ".join(allowed) or "none"
        where, line = self.settings.origins.place(key_path)
        self.mistakes.append(
            ConfigError(
                problem,
                where=where,
                line=line,
                key=format_key_path(key_path),
                allowed=choices,
                nearest=nearest,
                fix=fix,
                shown=shown,
            )
        )

    def info(self, connection: str) -> ConnectorInfo | None:
        """Return the plugin's declaration of a connection; None if either is unknown."""
        plugin = self.settings.connections.get(connection, {}).get("plugin")
        return self.plugins.infos.get(plugin) if isinstance(plugin, str) else None

    def event_kinds(self, connection: str, info: ConnectorInfo) -> tuple[EventKind, ...]:
        """Return the kinds of event of a connection; those of its plugin if its own table has a mistake."""
        parsed = self.parsed.get(connection)
        return info.events if parsed is None else info.event_kinds(parsed)

    def connection(
        self, name: str, key_path: KeyPath, *, is_supported: Callable[[ConnectorInfo], bool], problem_text: str
    ) -> ConnectorInfo | None:
        """Check a connection that another table names.

        Args:
            name: of the connection.
            key_path: of the key that names it.
            is_supported: whether a plugin can do what is needed.
            problem_text: what a plugin that cannot lacks, to follow ``connection 'x' ``.

        Returns:
            The plugin's declaration; None after recording a mistake, or if the connection's own table has one.
        """
        candidates = [other for other in self.settings.connections if (info := self.info(other)) and is_supported(info)]
        if name not in self.settings.connections:
            problem = f"there is no connection {name!r}"
            self.add_mistake(key_path, problem, allowed=candidates, nearest=nearest(name, candidates))
            return None
        info = self.info(name)
        if info is not None and not is_supported(info):
            self.add_mistake(key_path, f"connection {name!r} {problem_text}", allowed=candidates)
            return None
        return info

    def survey(self, name: str, key_path: KeyPath) -> None:
        """Check that a survey is defined."""
        if name not in self.settings.surveys:
            surveys = list(self.settings.surveys)
            self.add_mistake(key_path, f"there is no survey {name!r}", allowed=surveys, nearest=nearest(name, surveys))
