"""What the checks look at, and where they write down what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigError
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.settings.key_paths import KeyPath, format_key_path, nearest
from nps_connect.settings.model import Settings


@dataclass
class CheckContext:
    """One configuration under examination.

    Attributes:
        settings: the file.
        plugins: what is installed.
        where: the file's name, for errors.
        parsed: connections whose own table is right, by name.
        mistakes: everything found so far, in the order of the file.
    """

    settings: Settings
    plugins: Plugins
    where: str
    parsed: dict[str, ConnectionSettings] = field(default_factory=dict)
    mistakes: list[ConfigError] = field(default_factory=list)

    def add_mistake(
        self,
        at: KeyPath,
        problem: str,
        *,
        allowed: Iterable[str] | None = None,
        nearest: str | None = None,
        fix: str | None = None,
        shown: str | None = None,
    ) -> None:
        """Write one mistake down."""
        choices = None if allowed is None else ", ".join(allowed) or "none"
        self.mistakes.append(
            ConfigError(
                problem,
                where=self.where,
                key=format_key_path(at),
                allowed=choices,
                nearest=nearest,
                fix=fix,
                shown=shown,
            )
        )

    def info(self, connection: str) -> ConnectorInfo | None:
        """What the plugin of a connection declares, or none if either is unknown."""
        plugin = self.settings.connections.get(connection, {}).get("plugin")
        return self.plugins.infos.get(plugin) if isinstance(plugin, str) else None

    def connection(
        self, name: str, at: KeyPath, *, is_supported: Callable[[ConnectorInfo], bool], problem_text: str
    ) -> ConnectorInfo | None:
        """The plugin behind a connection that another table names, if it can do what is asked of it.

        Args:
            name: the connection.
            at: the place that names it.
            able: whether a plugin will do.
            lack: what is wrong with one that will not, to follow ``connection 'x' ``.

        Returns:
            What the plugin declares; none after writing a mistake down, or when the connection's own mistake is
            written down already.
        """
        fitting = [other for other in self.settings.connections if (info := self.info(other)) and is_supported(info)]
        if name not in self.settings.connections:
            self.add_mistake(at, f"there is no connection {name!r}", allowed=fitting, nearest=nearest(name, fitting))
            return None
        info = self.info(name)
        if info is not None and not is_supported(info):
            self.add_mistake(at, f"connection {name!r} {problem_text}", allowed=fitting)
            return None
        return info

    def survey(self, name: str, at: KeyPath) -> None:
        """Check that a survey is defined."""
        if name not in self.settings.surveys:
            known = list(self.settings.surveys)
            self.add_mistake(at, f"there is no survey {name!r}", allowed=known, nearest=nearest(name, known))
