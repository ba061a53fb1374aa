"""The settings of a connection to Deskly."""

from __future__ import annotations

from pydantic import Field, SecretStr

from nps_connect import ConnectionSettings


class DesklySettings(ConnectionSettings):
    """The table of a connection.

    Attributes:
        token: API token with the scopes `people` and `tickets`.
        webhook_secrets: secrets that sign Deskly's webhooks; two while one replaces the other.
    """

    token: SecretStr
    webhook_secrets: list[SecretStr] = Field(min_length=1)
