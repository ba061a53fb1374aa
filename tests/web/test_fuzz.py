"""A small part of `make fuzz`: generated requests cause no server error."""

from support.request_fuzzer import fuzz


def test_generated_requests_cause_no_server_error(tmp_path):
    result = fuzz(tmp_path, count=500)
    assert result.server_errors == []
    assert result.tracebacks == 0, (tmp_path / "server.log").read_text()
    assert result.is_alive
    assert result.log_lines <= 5  # one line for each kind of fault
    statuses = {status for _, status in result.statuses}
    assert statuses >= {"200", "303", "400", "401", "403", "404", "405", "422", "none"}
