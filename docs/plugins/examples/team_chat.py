"""The smallest connector that delivers: alerts to a chat."""

from collections.abc import Sequence

from pydantic import SecretStr

from nps_connect import ActionInfo, Alert, Connection, ConnectionSettings, ConnectorInfo, Receipt, hookimpl


class TeamChatSettings(ConnectionSettings):
    """`token`: of the chat's bot."""

    token: SecretStr


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    return ConnectorInfo(
        name="team_chat",
        title="Team chat",
        settings=TeamChatSettings,
        actions=(ActionInfo(action="send_alert"),),
        base_url=lambda settings: str(settings.base_url or "https://chat.example.com/api"),
        auth=lambda connection: {"Authorization": f"Bearer {connection.settings.token.get_secret_value()}"},
    )


@hookimpl
def nps_send_alerts(connection: Connection[TeamChatSettings], alerts: Sequence[Alert]) -> list[Receipt]:
    """Post the one alert of a batch; a `DeliveryError` of the client becomes its outcome."""
    message = {"text": f"{alerts[0].title}\n{alerts[0].full_text}"}
    sent = connection.http.call_json("POST", "/messages", action="send_alert", idempotent=False, json=message)
    return [Receipt(id=sent["id"])]
