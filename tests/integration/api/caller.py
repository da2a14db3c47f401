"""A program that calls the API with a token, as somebody of the staff with certain rights."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.authtoken.models import Token

from dee_site import api

ROOT = "/api/v1/"
READ = (
    "audit.view_entry",
    "plans.view_plan",
    "policies.view_consent",
    "policies.view_contact",
    "policies.view_policy",
    "policies.view_suppression",
    "runs.view_inbox",
    "runs.view_run",
)
WRITE = (
    "audit.verify_log",
    "policies.manage_consent",
    "policies.manage_contacts",
    "policies.manage_suppressions",
    "runs.command_run",
    "runs.drive_clock",
    "runs.enrol_run",
)


@dataclass
class Answer:
    """What came back."""

    status: int
    data: Any
    headers: Any

    @property
    def error(self) -> str:
        """The sentence of a refusal, after its shape was checked."""
        assert self.data.keys() == {"error", "fields"}, self.data
        assert all(isinstance(sentence, str) for sentence in self.data["fields"].values())
        assert isinstance(self.data["error"], str) and self.data["error"]
        return self.data["error"]


class Caller:
    """Calls addresses under /api/v1/."""

    def __init__(self, user: User | None) -> None:
        self.user = user
        key = {"HTTP_AUTHORIZATION": f"Token {Token.objects.get_or_create(user=user)[0].key}"} if user else {}
        self.client = Client(**key)

    def get(self, address: str, /, **query: Any) -> Answer:
        return _answer(self.client.get(ROOT + address, query))

    def post(self, address: str, /, body: Any = None, **more: Any) -> Answer:
        """body: a value, or a text that is sent as it stands."""
        text = body if isinstance(body, str | bytes) else json.dumps(body if body is not None else {})
        return _answer(self.client.post(ROOT + address, text, content_type="application/json", **more))

    def call(self, method: str, address: str, **more: Any) -> Answer:
        return _answer(self.client.generic(method, ROOT + address, content_type="application/json", **more))


def caller(*rights: str, staff: bool = True) -> Caller:
    """Return somebody with these rights."""
    user = User.objects.create_user(f"robot{User.objects.count()}", is_staff=staff)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return Caller(user)


def stranger() -> Caller:
    return Caller(None)


def operations() -> list[tuple[str, str]]:
    """Return (name, method) of everything the API's table of addresses offers."""
    methods = ("get", "post", "put", "patch", "delete", "options", "trace")
    return [
        (route.name, method.upper())
        for route, view in api.endpoints()
        for method in methods
        if method in view.http_method_names and hasattr(view, method)
    ]


def _answer(response: Any) -> Answer:
    kind = response.headers.get("Content-Type", "")
    return Answer(response.status_code, response.json() if "json" in kind else response.content, response.headers)
