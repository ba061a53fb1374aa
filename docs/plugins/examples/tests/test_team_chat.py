import httpx

import team_chat
from nps_connect.testing import PEOPLE, PluginHarness, connect


def test_an_alert_is_posted():
    alert = PluginHarness(team_chat, {"token": "chat-token"}, None).build_item("send_alert", PEOPLE[0])
    chat = httpx.MockTransport(lambda request: httpx.Response(200, json={"id": request.headers["authorization"]}))
    connection = connect(team_chat, {"token": "chat-token"}, transport=chat)
    assert team_chat.nps_send_alerts(connection, [alert])[0].id == "Bearer chat-token"
