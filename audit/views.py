"""The pages of evidence: the log, one stream, one entry, and verification on the server or in the browser."""

import json
from collections.abc import Iterator, Sequence

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from audit import clear, desk, queries, vault, verify
from audit.forms import VerifyForm, stream_named

SERVER_LIMIT = 200_000  # entries that one request may check; more is work for `verify_log`


@permission_required("audit.view_entry", raise_exception=True)
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """List entries, newest first, by stream and type."""
    stream, type = stream_named(request.GET.get("stream", "")), request.GET.get("type", "").strip()
    before = request.GET.get("before", "")
    page = queries.newest(stream=stream, type=type, before=int(before) if before.isdecimal() else None)
    context = {
        **admin.site.each_context(request),
        "title": "Audit log",
        "page": page,
        "stream": stream,
        "type": type,
        "older": desk.link(request, before=page.older),
        "before": before,
        "size": queries.size(),
        "window": queries.WINDOW,
    }
    return render(request, "audit/log.html", context)


@permission_required("audit.view_entry", raise_exception=True)
@require_safe
def stream(request: HttpRequest, st: str) -> HttpResponse:
    """Show one stream, oldest first, ready to be verified in the browser."""
    after = request.GET.get("after", "")
    entries = queries.stream_page(st, after=int(after) if after.isdecimal() else 0)
    total = queries.stream_length(st)
    if not total:
        raise Http404(f"There is no stream {st} in the log.")
    context = {
        **admin.site.each_context(request),
        "title": st,
        "st": st,
        "lines": queries.lines(entries),
        "total": total,
        "last": entries[-1].n if entries else 0,
        "owner_page": desk.page_of(st),
        "may_verify": request.user.has_perm("audit.verify_log"),
    }
    return render(request, "audit/stream.html", context)


@permission_required("audit.view_entry", raise_exception=True)
@require_safe
def entry(request: HttpRequest, st: str, n: int) -> HttpResponse:
    """Show one entry whole: stored text, hash, link to the one before, stamp, and what it commits to."""
    found = queries.neighbourhood(st, n)
    if n not in found:
        raise Http404(f"There is no entry {n} in {st}.")
    line = queries.lines([found[n]])[0]
    context = {
        "line": line,
        "entry": line.entry,
        "pretty": json.dumps(json.loads(line.entry.body), indent=2, ensure_ascii=False),
        "before": found.get(n - 1),
        "after": found.get(n + 1),
        "personal": _personal(request, line.personal),
    }
    if desk.wants_part(request):
        return render(request, "audit/entry_body.html", context)
    frame = {**admin.site.each_context(request), "title": f"Entry {n} of {st}"}
    return render(request, "audit/entry.html", {**frame, **context})


def _personal(request: HttpRequest, refs: Sequence[int]) -> list[tuple[int, str]]:
    """Return what stands behind an entry's commitments, or who may read it: reasons are for all who verify the log."""
    if not request.user.has_perm("audit.verify_log"):
        return [(ref, "(only for people who may verify the log)") for ref in refs]
    kept, readable = vault.reveal_with_kinds(refs), clear.may_see(request.user)
    return [
        (ref, "erased" if ref not in kept else value if readable or kind in clear.NOTES else f"({kind}, hidden)")
        for ref in refs
        for kind, value in [kept.get(ref, ("", ""))]
    ]


@permission_required("audit.verify_log", raise_exception=True)
@require_safe
@never_cache
def chain_ndjson(request: HttpRequest) -> HttpResponseBase:
    """Send the stored texts of a stream, or of the log, one JSON object a line, for a check elsewhere."""
    st = request.GET.get("stream", "")
    name = (st or "log").replace("/", "-")
    response = StreamingHttpResponse(_ndjson(st), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{name}.ndjson"'
    return response


def _ndjson(st: str) -> Iterator[str]:
    """Yield lines {"body", "stamp", "hash", "seq"}; body and stamp are the stored texts as JSON strings."""
    piece: list[str] = []
    for row in queries.chain_rows(st):
        said = {"body": row.body, "stamp": row.stamp, "hash": bytes(row.hash).hex(), "seq": row.seq}
        piece.append(json.dumps(said, ensure_ascii=False) + "\n")
        if len(piece) == 500:
            yield "".join(piece)
            piece.clear()
    yield "".join(piece)


@permission_required("audit.verify_log", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def verify_page(request: HttpRequest) -> HttpResponse:
    """Check one stream or the whole log: on the server by POST; in the browser by the page's own script."""
    form = VerifyForm(request.POST or request.GET)
    report = None
    if request.method == "POST" and form.is_valid():
        st = form.cleaned_data["stream"]
        if (queries.stream_length(st) if st else queries.size()) > SERVER_LIMIT:
            messages.error(request, f"More than {SERVER_LIMIT} entries: run the command `verify_log` instead.")
            return redirect(f"{reverse('audit:verify')}?stream={st}")
        report = desk.verify_and_note(st, by=f"user:{request.user.pk}")
    past = queries.verifications()
    names = queries.actor_names(check.by for check in past)
    context = {
        **admin.site.each_context(request),
        "title": "Verify",
        "form": form,
        "stream": form.data.get("stream", "").strip(),
        "size": queries.size(),
        "limit": SERVER_LIMIT,
        "report": report,
        "level": desk.LEVELS.get(report.verdict.name, "bad") if report else "",
        "past": [(check, names[check.by], desk.LEVELS.get(check.verdict.upper(), "bad")) for check in past],
        "verdicts": list(verify.Verdict),
    }
    return render(
        request, "audit/verify.html", context, status=422 if request.method == "POST" and form.errors else 200
    )
