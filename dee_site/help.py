"""What does each page show, what does one do there, and what happens then? Three sentences for the "?" of every page.

By the url name of a page, so that a new page without a text is found by a test. Plain words, no data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from dee_site import help_keeping as keeping
from dee_site import help_operating as operating


@dataclass(frozen=True, slots=True)
class Help:
    """What a page shows, what one does there, what happens then. anchor: its place on the page of all texts."""

    anchor: str
    title: str
    shows: str
    do: str
    then: str


GROUPS: Sequence[tuple[str, Mapping[str, operating.Text]]] = (
    ("Operate", operating.OPERATE),
    ("Design", operating.DESIGN),
    ("People", keeping.PEOPLE),
    ("Guardrails", keeping.GUARDRAILS),
    ("Evidence", keeping.EVIDENCE),
    ("Sandbox", keeping.SANDBOX),
    ("System", keeping.SYSTEM),
    ("Your account", keeping.ACCOUNT),
)
_TEXTS = {name: text for _, texts in GROUPS for name, text in texts.items()}

# The stock admin's pages of one table: by the end of their url names.
_STOCK: Mapping[str, operating.Text] = {
    "_changelist": (
        "A list of rows",
        "The rows of one table as the database holds them.",
        "Search it, narrow it, and open a row.",
        "What belongs to runs, plans or evidence can only be read here; it changes on its own page.",
    ),
    "_add": (
        "Add a row",
        "A form for one new row.",
        "Fill it in and save.",
        "It counts from the next page a person opens.",
    ),
    "_change": (
        "One row",
        "Everything stored in this row.",
        "Read it; if fields can be edited, change them and save.",
        "“History” says who changed it on this desk.",
    ),
    "_delete": (
        "Delete a row",
        "What would be deleted together with this row.",
        "Read the list, then confirm or go back.",
        "It cannot be undone; a user who has acted is better made inactive, so that their name stays readable.",
    ),
    "_history": (
        "History of a row",
        "Who added and changed this row on this desk, and when.",
        "Read it; it cannot be changed.",
        "Runs, plans, contacts and policies have their history in the audit log instead.",
    ),
    ":app_list": (
        "Tables of a room",
        "The tables of one part of DEE that the stock admin lists.",
        "Open one to see its rows.",
        "Most work is done on the pages of the menu, which say what a row means.",
    ),
    "_password_change": (
        "Set a password",
        "A form for a new password of this user.",
        "Type it twice and tell the person on a safe way.",
        "Their sessions end at once.",
    ),
}


def of(name: str) -> Help | None:
    """Return the help of a page by its url name, None when it has none."""
    if name in _TEXTS:
        return Help(name.replace(":", "-"), *_TEXTS[name])
    if name.startswith("admin:"):
        for end in sorted(_STOCK, key=len, reverse=True):
            if name.endswith(end):
                return _stock(end)
    return None


def shown_on(request: HttpRequest) -> Help | None:
    """Return the help of the page that answers a request."""
    match = getattr(request, "resolver_match", None)
    return of(match.view_name) if match else None


def every() -> list[tuple[str, list[Help]]]:
    """Return all texts by group, for the page of all texts."""
    groups = [(group, [help for name in texts if (help := of(name))]) for group, texts in GROUPS]
    return [*groups, ("Rows of a table", [_stock(end) for end in _STOCK])]


def _stock(end: str) -> Help:
    return Help(f"stock-{end.strip(':_').replace('_', '-')}", *_STOCK[end])


WORDS: Sequence[tuple[str, str]] = (
    ("Plan", "a drawing of steps: who is written to or called, when, and what happens then"),
    ("Version", "a plan as it was published; it never changes"),
    ("Step", "one node of a plan: send a mail, call, wait, branch, do a task, end"),
    ("Run", "one contact's walk through one version of a plan"),
    ("Engine", "the one process that moves runs and sends messages"),
    ("Lane clock", "the engine's clock; in the sandbox you may drive it"),
    ("Tick", "seconds since the start of a run"),
    (
        "Gate",
        "the rules every message passes before it leaves: kill switch, suppression, consent, hours, limits, budget",
    ),
    ("Held", "the gate lets the message wait until a limit, the calling hours or a kill switch lets it go on"),
    ("Failed", "the run stopped and waits for a person; nothing else happens to it"),
    ("Unknown outcome", "nobody knows whether a message left; it is never sent again without a person"),
    ("Entry", "one line of the audit log; it holds the hash of the line before"),
    ("Stream", "the entries of one run, plan, contact or policy, as one chain"),
    ("Vault", "where personal values lie that the log only commits to; they can be erased"),
    ("Suppression", "an address nothing is sent to, whatever a plan says"),
    ("Kill switch", "stops sending at once: everything, a channel or a plan"),
    ("Sandbox", "recipients are simulated and nothing leaves this machine"),
)
