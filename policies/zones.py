"""In which time zones may this person be? The stated zone together with every zone the phone number allows.

A number says little about where somebody is: area codes span zones, numbers move with people. So calling hours must
hold in all candidates. No candidate means we do not know, and the gate refuses.

Source: study/product.md §3 (measured: 19 US area codes span two offsets; in 12 of them a single number shows only one).
"""

from functools import cache, lru_cache

import phonenumbers
from phonenumbers import timezone
from phonenumbers.phonenumberutil import NumberParseException

from policies import hours

_UNKNOWN = "Etc/Unknown"
_NANP = "+1"
# New codes laid over an old area: the library knows one zone for them, the area they serve has two.
_OVERLAYS = {"364": "270", "448": "850", "458": "541", "930": "812"}


def candidate_zones(stated: str, phone: str) -> tuple[str, ...]:
    """Return the sorted zones a contact may be in; none when unknown. stated: a zone or ""; phone: E.164 or ""."""
    return _candidates(stated, phone)


def zone_of(zone: str, phone: str) -> str:
    """Return the zone whose clock a wait goes by: the stated one, else the first the phone allows, "" when unknown."""
    if zone:
        return zone if hours.is_zone(zone) else ""
    return next(iter(candidate_zones("", phone)), "")


@lru_cache(maxsize=1 << 16)
def phone_zones(phone: str) -> frozenset[str]:
    """Return every zone a phone number may belong to; for +1 the union over its whole area code."""
    try:
        number = phonenumbers.parse(phone, None)
    except NumberParseException:
        return frozenset()
    # Not time_zones_for_geographical_number: for mobile numbers that names one zone where the country has many.
    zones = frozenset(timezone.time_zones_for_number(number)) - {_UNKNOWN}
    if zones and phone.startswith(_NANP):
        return zones | _area_zones(phone[2:5])
    return zones


@lru_cache(maxsize=1 << 16)
def _candidates(stated: str, phone: str) -> tuple[str, ...]:
    zones = set(phone_zones(phone)) if phone else set()
    if stated:
        # A zone the pinned database has dropped is evidence we cannot read: then nothing is known.
        if not hours.is_zone(stated):
            return ()
        zones.add(stated)
    return tuple(sorted(zones))


@cache
def _area_zones(area: str) -> frozenset[str]:
    zones: set[str] = set()
    for code in {area, _OVERLAYS.get(area, area)}:
        for exchange in range(200, 1000):
            number = phonenumbers.PhoneNumber(country_code=1, national_number=int(f"{code}{exchange}0000"))
            zones.update(timezone.time_zones_for_geographical_number(number))
    return frozenset(zones - {_UNKNOWN})
