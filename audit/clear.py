"""Who sees personal data in clear? One right for addresses, names and messages; everybody else sees a mask.

It lies in the lowest room because every room above shows some of it. A name of a right only: nothing is imported.
"""

from typing import Any

RIGHT = "policies.view_address"
# What the vault keeps of operators' own words; whoever may verify the log may read why somebody acted.
NOTES = ("note",)


def may_see(user: Any) -> bool:
    """Return whether a person may read addresses, names and messages as they are."""
    return bool(user.has_perm(RIGHT))


def name(user: Any, value: str) -> str:
    """Return a person's name, or "" to those who may not read it: pages then name people by reference."""
    return value if may_see(user) else ""
