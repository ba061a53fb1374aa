"""Liveness, readiness, and metrics, which require the configured token."""

import pytest


def test_liveness_does_not_depend_on_the_database(client, backend):
    backend.is_down = True
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readiness_reports_the_problems(client, backend):
    assert client.get("/readyz").json() == {"ready": True, "problems": []}
    backend.problem_list.append("the ledger's schema is old; run: nps-connect db upgrade")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["problems"] == backend.problem_list


def test_metrics_do_not_exist_without_a_configured_token(client):
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize(("shown", "status"), [(None, 401), ("Bearer wrong", 401), ("Bearer s3cret", 200)])
def test_metrics_require_the_token(client, backend, shown, status):
    backend.metrics_token = "s3cret"
    response = client.get("/metrics", headers={"authorization": shown} if shown else {})
    assert response.status_code == status
    assert ("nps_connect_surveys_today 3" in response.text) is (status == 200)
