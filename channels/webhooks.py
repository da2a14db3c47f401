"""How does an event from outside get in? Verify the signature, store the event, answer; nothing else happens here.

`POST /hooks/<adapter>/` with one event, or several under "events":

    {"id": "evt-1", "event": "opened", "intent": "5f0c…", "at": 1795000000, "machine": false}

and the header `X-DEE-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, t + "." + body)>`. The engine reads the
stored rows at its own pace. Nothing of a payload is fetched, followed or logged, and a GET changes nothing.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from audit import canon
from channels import registry
from channels.kinds import Event
from channels.messages import event_body

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
MAX_EVENTS = 500
TOLERANCE_S = 300
_BODY = canon.Profile(canon.ENTRY.key, canon.ENTRY.key_rule, 4, MAX_BODY)
_KEYS = {"id", "event", "intent", "at", "machine"}
_LONGEST_ID = 200


class Stored(Protocol):
    """What became of one stored event."""

    @property
    def new(self) -> bool:
        """False when the same source and external_id were stored before."""


class Store(Protocol):
    def __call__(self, *, source: str, external_id: str, kind: str, body: Mapping[str, Any]) -> Stored: ...


class Refused(Exception):
    """The request is answered with this status and sentence, and nothing of it is stored."""

    def __init__(self, status: int, sentence: str, reason: str = "malformed") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.reason = reason  # one word for the log


@dataclass(frozen=True, slots=True)
class Received:
    """One event of a payload, checked."""

    external_id: str
    body: dict[str, Any]


def receiver(store: Store, *, now: Callable[[], float] = time.time) -> Callable[..., HttpResponse]:  # noqa: TID251
    """Return the view for /hooks/<adapter>/. store: puts one event into the inbox. now: Unix time, for signatures."""

    @csrf_exempt
    def hook(request: HttpRequest, adapter: str) -> HttpResponse:
        try:
            events = _accepted(request, adapter, now())
        except Refused as refused:
            if refused.status in (400, 413):
                # The reason and not the sentence, which may repeat a piece of the body.
                log.warning("webhook refused: %s", refused.reason, extra={"adapter": adapter})
            answer = JsonResponse({"error": refused.sentence}, status=refused.status)
            if refused.status == 405:
                answer["Allow"] = "POST"
            return answer
        rows = [store(source=f"hook:{adapter}", external_id=e.external_id, kind="event", body=e.body) for e in events]
        stored = sum(row.new for row in rows)
        return JsonResponse({"stored": stored, "duplicate": len(rows) - stored})

    return hook


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the header's value for this body, signed at this second."""
    return f"t={at},v1={_digest(secret, str(at), body)}"


def _accepted(request: HttpRequest, adapter: str, now: float) -> list[Received]:
    """Return the request's events. Raises: Refused."""
    if request.method != "POST":
        raise Refused(405, "Webhooks are sent with POST.")
    secrets = registry.hook_secrets(adapter)
    if not secrets:
        raise Refused(404, "No webhook is set up under this name; DEE_HOOK_SECRETS lists the names that are.")
    # Read no more than one byte over the limit, whatever length the request states or leaves out.
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise Refused(413, f"The body is longer than {MAX_BODY} bytes. Send fewer events at once.", "too long")
    _verify(request.headers.get("X-DEE-Signature", ""), secrets, body, now)
    return _events(body)


def _verify(header: str, secrets: tuple[str, ...], body: bytes, now: float) -> None:
    """Return when one of the secrets signed this body within the tolerance. Raises: Refused."""
    fields = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in fields if name == "t"]
    signatures = [value for name, _, value in fields if name == "v1"]
    if len(times) != 1 or not signatures:
        raise Refused(400, "The header X-DEE-Signature must be t=<unix seconds>,v1=<hex HMAC-SHA256>.", "unsigned")
    at = times[0]
    expected = [_digest(secret, at, body) for secret in secrets]
    # Every pair is compared, each in constant time, so that the time taken tells nothing.
    good = [hmac.compare_digest(one.encode(), given.encode()) for one in expected for given in signatures]
    if not any(good):
        raise Refused(400, "The signature is not the one of this body.", "bad signature")
    if not at.isdecimal() or len(at) > 12 or abs(now - int(at)) > TOLERANCE_S:
        raise Refused(400, f"The signature is older or newer than {TOLERANCE_S} seconds.", "stale signature")


def _digest(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def _events(body: bytes) -> list[Received]:
    """Return the checked events of a payload: all of them, or none. Raises: Refused."""
    try:
        payload = canon.decode(body.decode("utf-8"), _BODY)
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None
    except canon.NotCanonical as error:
        raise Refused(400, f"The body is not JSON as this endpoint takes it: {error}.") from None
    several = isinstance(payload, dict) and "events" in payload
    if several and set(payload) != {"events"}:
        raise Refused(400, "Beside “events” nothing else may stand.")
    events = payload["events"] if several else [payload]
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
        raise Refused(400, f"“events” must be a list of 1 to {MAX_EVENTS} events.")
    return [_event(event, f"/events/{at}" if several else "/") for at, event in enumerate(events)]


def _event(event: Any, where: str) -> Received:
    if not isinstance(event, dict):
        raise Refused(400, f"{where}: an event is a JSON object.")
    if unknown := sorted(set(event) - _KEYS):
        raise Refused(
            400, f"{where}: “{unknown[0]}” is not a key of an event; the keys are {', '.join(sorted(_KEYS))}."
        )
    if event.get("event") not in tuple(Event):
        raise Refused(400, f"{where}: the event must be one of {', '.join(Event)}.")
    intent, given_id = event.get("intent"), event.get("id")
    if not isinstance(intent, str) or not 1 <= len(intent) <= _LONGEST_ID:
        raise Refused(400, f"{where}: “intent” must be the id that travelled with the message.")
    if given_id is not None and (not isinstance(given_id, str) or not 1 <= len(given_id) <= _LONGEST_ID):
        raise Refused(400, f"{where}: “id” must be a text of 1 to {_LONGEST_ID} characters.")
    at, machine = event.get("at"), event.get("machine", False)
    if at is not None and type(at) is not int:
        raise Refused(400, f"{where}: “at” must be whole Unix seconds.")
    if type(machine) is not bool:
        raise Refused(400, f"{where}: “machine” must be true or false.")
    body = event_body(Event(event["event"]), intent, machine=machine, provider_at=at)
    return Received(given_id or _fingerprint(event), body)


def _fingerprint(event: Mapping[str, Any]) -> str:
    """Return an id for an event that has none: the same content is the same event."""
    text = json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
