"""Cases whose deadline has passed, and the priority that they begin with."""

from __future__ import annotations

from support.recovering import case_of, detractor, tell


class TestOverdue:
    def alerts(self, house):
        return [alert for alert in house.bell.items if alert.title.startswith("En retard")]

    def test_staff_are_told_once_when_the_deadline_has_passed(self, house):
        case = detractor(house)
        house.clock.forward("23h")
        house.run()
        assert self.alerts(house) == []
        for _ in range(3):
            house.clock.forward("2d")
            house.run()
        (alert,) = self.alerts(house)
        assert "Marie" in alert.title or "marie@example.com" in alert.title
        assert "ticket est toujours ouvert" in alert.body
        assert case_of(house).overdue_told_at > case.deadline

    def test_a_solved_case_is_never_late(self, house):
        detractor(house)
        tell(house, "ticket.solved")
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_by_setting_nobody_is_told(self, build):
        house = build(cases={"alert_when_overdue": False})
        detractor(house)
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_a_helpdesk_that_tells_nothing_makes_nobody_late(self, build):
        house = build(connections={"helpdesk": {"plugin": "desk", "events": "none"}}, recovery={})
        detractor(house)
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_without_an_alert_route_the_fallback_address_is_told(self, build):
        routes = [{"on": "detractor", "do": "open_ticket", "via": "helpdesk"}]
        house = build(routes=routes)
        detractor(house)
        house.clock.forward("5d")
        house.run()
        (mail,) = house.post.sent("fallback")
        assert mail.to.email == "care@example.com"
        assert "ticket est toujours ouvert" in mail.text


def test_priorities_follow_the_setting(build):
    house = build(cases={"urgent_up_to": 0, "high_up_to": 2})
    detractor(house, 1)
    assert house.desk.items[0].priority == "high"
