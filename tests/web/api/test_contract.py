"""A small part of `make api-contract`: what the API does is what its OpenAPI document says."""

from support.api_contract import run_contract

from nps_connect.web.api.endpoints import ENDPOINTS


def test_generated_requests_are_answered_as_the_document_says(tmp_path):
    result = run_contract(tmp_path, examples=2)
    assert result.failures == []
    assert len({operation for operation, _ in result.statuses}) == len(ENDPOINTS)
    assert {status for _, status in result.statuses} >= {200, 422}
