"""What do the pages of policies do in the same way? Who acts, masked addresses, and a form that is answered once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDict

from audit import clear, vault
from audit import queries as audit_queries
from policies import addresses
from policies.addresses import BadAddress
from policies.contact_fields import Invalid
from policies.models import Consent, Contact, KillSwitch, PolicyVersion, Suppression
from policies.operations import Refused, Stale
from policies.rules import document


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page around one form. crumbs: (label, address) from the overview down; back: where Cancel leads."""

    title: str
    submit: str
    back: str
    crumbs: Sequence[tuple[str, str]] = ()
    lead: str = ""
    danger: bool = False


def actor(request: HttpRequest) -> str:
    """Return who is acting, as the log names people."""
    return f"user:{request.user.pk}"


def asked(request: HttpRequest, name: str) -> str:
    """Return a query parameter as typed, without the U+0000 that the database cannot take."""
    return request.GET.get(name, "").replace("\x00", "").strip()


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form was filled with; None while it is only shown."""
    return request.POST if request.method == "POST" else None


def posted_files(request: HttpRequest) -> MultiValueDict[str, UploadedFile] | None:
    """Return the files a form was sent with; None while it is only shown."""
    return request.FILES if request.method == "POST" else None


def context(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    """Return the context every admin page needs, and its own."""
    return {**admin.site.each_context(request), "title": title, **more}


def shown_address(request: HttpRequest, address: str) -> str:
    """Return an address as this person may see it."""
    return address if clear.may_see(request.user) else addresses.masked(address)


def shown_addresses(request: HttpRequest, person: Contact) -> tuple[str, str]:
    """Return a contact's email address and phone number as this person may see them."""
    return shown_address(request, person.email), shown_address(request, person.phone)


def shown_name(request: HttpRequest, person: Contact) -> str:
    """Return a contact's name, or "" to those who may not read it."""
    return clear.name(request.user, f"{person.first_name} {person.last_name}".strip())


def answer(
    request: HttpRequest, page: FormPage, form: forms.Form, act: Callable[[dict[str, Any]], tuple[str, str]]
) -> HttpResponse:
    """Show a form, or do what it asks. act: takes the cleaned data; returns (message, address to go on to).

    422 with sentences beside the fields when it is refused, 409 when somebody else was faster.
    """
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                message, to = act(form.cleaned_data)
            except Stale as stale:
                form.add_error(None, str(stale))
                status = 409
            except (Refused, Invalid, BadAddress, document.Invalid) as refused:
                _complain(form, refused)
            else:
                messages.success(request, message)
                return redirect(to)
    return render(request, "policies/form.html", context(request, page.title, page=page, form=form), status=status)


def _complain(form: forms.Form, error: Exception) -> None:
    """Put the sentences of a refusal beside the fields they speak of."""
    found: Mapping[str, str | list[str]] = {"": str(error)}
    if isinstance(error, Invalid):
        found = error.problems
    elif isinstance(error, Refused):
        found = {error.field: str(error)}
    elif isinstance(error, BadAddress):
        found = {"address": str(error)}
    elif isinstance(error, document.Invalid):
        found = {"text": [str(problem) for problem in error.problems]}
    for name, sentence in found.items():
        form.add_error(name if name in form.fields else None, sentence)


@dataclass(frozen=True, slots=True)
class Words:
    """What people wrote and how they are called, read at once for a whole page."""

    notes: Mapping[int, str]
    names: Mapping[str, str]

    def note(self, ref: int | None) -> str:
        """Return the text behind a reference; "" for none, and a word for one that was erased."""
        return "" if ref is None else self.notes.get(ref, "(erased)")

    def name(self, who: str) -> str:
        """Return how an actor is called."""
        return self.names.get(who, who)


def words(rows: Iterable[Consent | Suppression | PolicyVersion | KillSwitch]) -> Words:
    """Return the notes and names that rows refer to, in two statements."""
    refs: set[int] = set()
    people: set[str] = set()
    for row in rows:
        refs.update(ref for name in _REFS if (ref := getattr(row, name, None)) is not None)
        people.update(who for name in _PEOPLE if (who := getattr(row, name, "")))
    notes = vault.reveal_many(sorted(refs)) if refs else {}
    return Words(notes, audit_queries.actor_names(people) if people else {})


_REFS = ("proof_ref", "note_ref", "removed_ref", "reason_ref")
_PEOPLE = ("recorded_by", "created_by", "removed_by", "published_by", "changed_by")
