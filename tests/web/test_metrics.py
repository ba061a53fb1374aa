"""``/metrics`` is for whoever holds the token, and for nobody without one."""

from __future__ import annotations

import pytest


def test_without_a_token_in_the_settings_there_is_no_such_page(client):
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize(("shown", "status"), [(None, 401), ("Bearer wrong", 401), ("Bearer s3cret", 200)])
def test_the_token_opens_it(client, backend, shown, status):
    backend.metrics_token = "s3cret"
    answer = client.get("/metrics", headers={"authorization": shown} if shown else {})
    assert answer.status_code == status
    assert ("nps_connect_surveys_today 3" in answer.text) is (status == 200)
