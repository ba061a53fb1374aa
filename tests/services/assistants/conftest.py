import pytest
from support.application import ApplicationHarness
from support.assistant import Assistant

from nps_connect.errors import Rejected

VICTIM = {"person": "1042", "email": "veronique.dupont-martel@victim.example", "name": "Véronique Dupont-Martel"}


@pytest.fixture
def assisted(ledger, clock) -> ApplicationHarness:
    """An application with a detractor whose alert is dead, and a promoter."""
    application = ApplicationHarness(ledger, clock)
    application.bell.raising = [
        Rejected("Dupont-Martel <veronique.dupont-martel@victim.example> unknown", status=422, request_id="r")
    ]
    comment = "Rappelez Véronique Dupont-Martel : +33 6 12 34 56 78\x1b[2J \u202eelpoep"
    application.answer(application.surveyed(**VICTIM), 2, comment)
    application.run()
    application.answer(application.surveyed("7", "paul@example.com", name="Paul"), 10, None)
    application.run()
    return application


@pytest.fixture
def analyst(assisted) -> Assistant:
    """An assistant that sees pseudonyms."""
    return Assistant(assisted, "reports:read")


@pytest.fixture
def staff(assisted) -> Assistant:
    """An assistant that sees people."""
    return Assistant(assisted, "reports:read", "people", name="staff")
