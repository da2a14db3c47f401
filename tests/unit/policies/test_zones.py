"""Where may somebody be? Candidate zones from what they said and from their phone number."""

import pytest

from policies import zones


def test_an_area_code_gives_all_its_zones_not_the_numbers_own() -> None:
    # The library alone says New_York for most numbers of the Gary area, which keeps Central time.
    assert zones.candidate_zones("", "+12195550100") == ("America/Chicago", "America/New_York")


@pytest.mark.parametrize("area", ["219", "270", "308", "423", "541", "574", "606", "620", "785", "812", "850", "906"])
def test_the_measured_split_area_codes_have_two_zones(area: str) -> None:
    assert len(zones.candidate_zones("", f"+1{area}5550100")) >= 2


@pytest.mark.parametrize(("overlay", "old"), [("364", "270"), ("448", "850"), ("458", "541"), ("930", "812")])
def test_an_overlay_has_the_zones_of_the_area_it_serves(overlay: str, old: str) -> None:
    assert zones.phone_zones(f"+1{overlay}2230100") >= zones.phone_zones(f"+1{old}2230100")


def test_a_stated_zone_joins_and_never_replaces_the_evidence() -> None:
    both = zones.candidate_zones("America/Los_Angeles", "+12125550100")
    assert both == ("America/Los_Angeles", "America/New_York")
    assert zones.candidate_zones("Europe/Paris", "") == ("Europe/Paris",)


def test_a_mobile_number_gives_all_zones_of_its_country() -> None:
    assert {"Australia/Perth", "Australia/Sydney"} <= zones.phone_zones("+61412345678")
    assert len(zones.phone_zones("+79161234567")) > 5


def test_a_toll_free_number_may_be_anywhere() -> None:
    assert len(zones.phone_zones("+18005550100")) > 30


@pytest.mark.parametrize(("stated", "phone"), [("", ""), ("", "+15555550100"), ("Mars/Olympus", ""), ("", "nonsense")])
def test_no_evidence_is_no_zone(stated: str, phone: str) -> None:
    assert zones.candidate_zones(stated, phone) == ()


def test_a_stated_zone_the_database_does_not_know_spoils_the_rest() -> None:
    assert zones.candidate_zones("Mars/Olympus", "+12125550100") == ()


@pytest.mark.parametrize(
    ("stated", "phone", "zone"),
    [
        ("Europe/Paris", "+12125550100", "Europe/Paris"),
        ("", "+12195550100", "America/Chicago"),
        ("", "+12125550100", "America/New_York"),
        ("", "", ""),
        ("", "nonsense", ""),
        ("Mars/Olympus", "+12125550100", ""),
    ],
)
def test_a_wait_goes_by_the_stated_zone_or_else_the_first_of_the_phone(stated: str, phone: str, zone: str) -> None:
    assert zones.zone_of(stated, phone) == zone
