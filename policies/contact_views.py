"""Pages about people: the list, one contact with what speaks for and against reaching them, consent, and files."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit import clear
from policies import contact_fields, contact_file, forms, imports, operations, pages, queries
from policies.csv_text import BadFile, Problem
from policies.models import Contact

PER_PAGE = 50
SHOWN_PROBLEMS = 100

_EDIT = ("first_name", "last_name", "email", "phone", "zone", "country", "attributes")


@require_safe
@permission_required("policies.view_contact", raise_exception=True)
def contacts(request: HttpRequest) -> HttpResponse:
    """List contacts, found by reference; by name or exact address too by those who may read them."""
    text, state = pages.asked(request, "q"), pages.asked(request, "state")
    state = state if state in Contact.State.values else ""
    readable = clear.may_see(request.user)
    found = queries.find_contacts(text, state, by_ref_only=not readable)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(c, pages.shown_name(request, c), *pages.shown_addresses(request, c)) for c in page]
    shown = {"q": text, "state": state, "states": Contact.State.values, "readable": readable}
    context = pages.context(request, "Contacts", page=page, rows=rows, **shown)
    return render(request, "policies/contacts.html", context)


@require_safe
@permission_required("policies.view_contact", raise_exception=True)
def contact(request: HttpRequest, ref: str) -> HttpResponse:
    """Show one contact: facts, candidate zones with evidence, consents with history, suppressions."""
    person = _person(ref)
    now = queries.lane_clock()
    email, phone = pages.shown_addresses(request, person)
    zones = queries.zone_evidence(person, now)
    states = queries.consent_states(person) if request.user.has_perm("policies.view_consent") else []
    entries = queries.suppressions_of(person) if request.user.has_perm("policies.view_suppression") else []
    said = pages.words([*entries, *(row for state in states for row in (state.newest, *state.history))])
    context = pages.context(
        request,
        f"Contact {ref}",
        contact=person,
        readable=clear.may_see(request.user),
        name=pages.shown_name(request, person),
        email=email,
        phone=phone,
        zones=zones,
        conflict=len({zone.local_time for zone in zones}) > 1,
        consents=[
            (
                state.newest,
                said.note(state.newest.proof_ref) if clear.may_see(request.user) else "(hidden)",
                [(row, said.name(row.recorded_by)) for row in state.history],
            )
            for state in states
        ],
        holding=[
            (entry, said.note(entry.note_ref), said.name(entry.created_by)) for entry in entries if entry.holds_at(now)
        ],
        past=[entry for entry in entries if not entry.holds_at(now)],
    )
    return render(request, "policies/contact.html", context)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_contacts", raise_exception=True)
def contact_new(request: HttpRequest) -> HttpResponse:
    """Add a contact."""

    def act(data: dict[str, Any]) -> tuple[str, str]:
        person = operations.create_contact(actor=pages.actor(request), ref=data["ref"], **_fields(data))
        return f"Contact {person.ref} was added. Without a consent nothing is sent to them.", _page(person.ref)

    page = pages.FormPage("Add a contact", "Add contact", _list(), [("Contacts", _list())])
    return pages.answer(request, page, forms.ContactForm(pages.posted(request)), act)


@require_http_methods(["GET", "POST"])
@permission_required(("policies.manage_contacts", clear.RIGHT), raise_exception=True)
def contact_edit(request: HttpRequest, ref: str) -> HttpResponse:
    """Change a contact."""
    person = _person(ref)
    initial = {name: getattr(person, name) for name in (*_EDIT, "version")}

    def act(data: dict[str, Any]) -> tuple[str, str]:
        changed = operations.update_contact(
            actor=pages.actor(request), ref=ref, expected_version=data["version"], state=data["state"], **_fields(data)
        )
        return f"Saved as version {changed.version}.", _page(ref)

    page = pages.FormPage(f"Change {ref}", "Save", _page(ref), [("Contacts", _list()), (ref, _page(ref))])
    return pages.answer(request, page, forms.ContactForm(pages.posted(request), initial=initial, contact=person), act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_consent", raise_exception=True)
def grant(request: HttpRequest, ref: str) -> HttpResponse:
    """Record that a contact agreed."""
    person = _person(ref)

    def act(data: dict[str, Any]) -> tuple[str, str]:
        row = operations.record_consent(actor=pages.actor(request), contact=person, at=data.pop("given"), **data)
        return f"Consent for {row.channel} {row.purpose} is recorded.", _page(ref)

    page = pages.FormPage(
        "Record consent",
        "Record consent",
        _page(ref),
        [("Contacts", _list()), (ref, _page(ref))],
        "A grant needs its proof. It does not lift a suppression, and it never beats a later withdrawal.",
    )
    return pages.answer(request, page, forms.ConsentForm(pages.posted(request), initial=_asked(request)), act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_consent", raise_exception=True)
def withdraw(request: HttpRequest, ref: str) -> HttpResponse:
    """Record that a contact withdrew."""
    person = _person(ref)

    def act(data: dict[str, Any]) -> tuple[str, str]:
        row = operations.revoke_consent(actor=pages.actor(request), contact=person, **data)
        return f"Consent for {row.channel} {row.purpose} is withdrawn; nothing is sent for it from now on.", _page(ref)

    page = pages.FormPage(
        "Withdraw consent", "Withdraw consent", _page(ref), [("Contacts", _list()), (ref, _page(ref))], danger=True
    )
    return pages.answer(request, page, forms.WithdrawForm(pages.posted(request), initial=_asked(request)), act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_contacts", raise_exception=True)
def contacts_import(request: HttpRequest) -> HttpResponse:
    """Take a CSV file of contacts: all of it, or nothing and every problem with its line."""
    form = forms.FileForm(pages.posted(request), pages.posted_files(request))
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            if not file:
                raise BadFile([Problem(0, "Choose a file.")])
            done = imports.import_contacts(actor=pages.actor(request), raw=file.read())
        except BadFile as bad:
            problems = list(bad.problems)
        else:
            counts = f"{done.created} added, {done.changed} changed, {done.unchanged} unchanged"
            messages.success(request, f"{counts}; {done.granted} consents recorded.")
            for notice in done.notices[:SHOWN_PROBLEMS]:
                messages.warning(request, str(notice))
            return redirect(_list())
    shown = {"form": form, "problems": problems[:SHOWN_PROBLEMS], "more": max(0, len(problems) - SHOWN_PROBLEMS)}
    columns = (contact_file.__doc__ or "").split("\n\n", 1)[-1]
    context = pages.context(request, "Import contacts", columns=columns, **shown)
    status = 422 if problems or form.errors else 200
    return render(request, "policies/contacts_import.html", context, status=status)


@require_safe
@permission_required("policies.view_consent", raise_exception=True)
def consents(request: HttpRequest) -> HttpResponse:
    """List what contacts said, the newest first, by channel, purpose and status."""
    wanted = {name: value for name in ("channel", "purpose", "status") if (value := pages.asked(request, name))}
    page = Paginator(queries.find_consents(wanted), PER_PAGE).get_page(request.GET.get("page"))
    said = pages.words(page.object_list)
    rows = [(row, said.name(row.recorded_by)) for row in page]
    context = pages.context(request, "Consent", wanted=wanted, page=page, rows=rows)
    return render(request, "policies/consents.html", context)


def _person(ref: str) -> Contact:
    if not contact_fields.REF.fullmatch(ref):  # also keeps U+0000 from the database, which cannot take it
        raise Http404(f"There is no contact {ref[:64]!r}.")
    return get_object_or_404(Contact, ref=ref)


def _fields(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] or ({} if name == "attributes" else "") for name in _EDIT}


def _asked(request: HttpRequest) -> dict[str, str]:
    """Return the channel and purpose that a link brought along."""
    return {name: request.GET[name] for name in ("channel", "purpose") if name in request.GET}


def _list() -> str:
    return reverse("policies:contacts")


def _page(ref: str) -> str:
    return reverse("policies:contact", args=[contact_fields.read_ref(ref)])
