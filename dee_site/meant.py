"""Which page could have been meant by an address that leads nowhere? Pages of the menu, and numbers of runs."""

import difflib
import re
from collections.abc import Sequence

from django.urls import reverse

from dee_site.menu import Group

MOST = 3
CLOSE = 0.7
_RUN = re.compile(r"\brun[-/ ]?([1-9][0-9]{0,17})\b")


def pages(path: str, menu: Sequence[Group]) -> list[tuple[str, str]]:
    """Return (label, address) of what this person may open and may have meant, the likeliest first."""
    labels = _labels(menu)
    root = reverse("admin:index")
    # What all addresses begin with says nothing about which of them is alike.
    tails = {url.removeprefix(root): url for url in labels}
    tail = f"{path.removesuffix('/')}/".removeprefix(root)
    alike = [(labels[tails[found]], tails[found]) for found in difflib.get_close_matches(tail, tails, MOST, CLOSE)]
    run = _RUN.search(path)
    named: list[tuple[str, str]] = []
    if run and reverse("runs:list") in labels:
        named = [(f"run-{run[1]}", reverse("runs:run", args=[int(run[1])]))]
    found = dict.fromkeys([*named, *above(path, menu), *alike])
    return [(label, url) for label, url in found if url != path][:MOST]


def above(path: str, menu: Sequence[Group]) -> list[tuple[str, str]]:
    """Return (label, address) of the pages of the menu that this address lies beneath, the nearest first."""
    root = reverse("admin:index")
    found = {url: label for url, label in _labels(menu).items() if url not in (root, path) and path.startswith(url)}
    return [(found[url], url) for url in sorted(found, key=len, reverse=True)]


def _labels(menu: Sequence[Group]) -> dict[str, str]:
    return {item.url: item.label for group in menu for item in group.items}
