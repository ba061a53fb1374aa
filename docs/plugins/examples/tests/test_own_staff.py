import own_staff
from nps_connect import Contact
from nps_connect.plugins import Plugins


def test_own_staff_are_not_surveyed():
    Plugins().register(own_staff, "own_staff")
    assert own_staff.nps_veto_survey(Contact(connection="crm", id="1", email="a@shop.example.com"))
    assert own_staff.nps_veto_survey(Contact(connection="crm", id="2", email="b@example.com")) is None
