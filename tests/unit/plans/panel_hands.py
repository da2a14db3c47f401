"""Somebody at the side panel: looks at the real HTML, fills in fields and presses buttons as a browser would."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.test.utils import override_settings
from django.urls import include, path

from audit import canon
from plans import document
from plans.panel import condition_changes as changes
from plans.panel.choices import Choices, choices
from plans.panel.codecs import Seconds
from plans.panel.given import Given, read_plan, read_step
from plans.panel.shown import plan_form, step_form

TEMPLATES = {"email": ("hello@2", "hello@1", "tier@1", "welcome@1"), "voice": ("script@1",)}
POLICIES = ("outreach", "notifications", "lab", "open")


@contextmanager
def addresses() -> Iterator[None]:
    """Only the address that the panel links to, so that these tests need no other page."""
    page = path("templates/<slug:key>/<int:number>/", lambda request: HttpResponse(), name="template")
    urls = ModuleType("tests.unit.plans.panel_urls")
    urls.urlpatterns = [path("admin/plans/", include(([page], "plans")))]
    with override_settings(ROOT_URLCONF=urls):
        yield


@dataclass
class Control:
    """One input of the page. held: what it would post. options: token to whether it can be chosen."""

    kind: str
    name: str
    attributes: dict[str, str]
    held: list[str] = field(default_factory=list)
    options: dict[str, bool] = field(default_factory=dict)


class Page(HTMLParser):
    """The form of a panel as a browser reads it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.controls: list[Control] = []
        self.buttons: dict[str, dict[str, str]] = {}
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.described: set[str] = set()
        self._open: Control | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        self.described |= set(found.get("aria-describedby", "").split()) | set(found.get("aria-labelledby", "").split())
        if tag == "label":
            self.labelled.add(found.get("for", ""))
        elif tag == "button" and "name" in found:
            self.buttons[found["value"]] = found
        elif tag == "input":
            self._input(found)
        elif tag in ("select", "textarea"):
            self._open = Control(tag, found["name"], found)
            self.controls.append(self._open)
        elif tag == "option" and self._open is not None:
            token = found.get("value", "")
            self._open.options[token] = "disabled" not in found
            if "selected" in found:
                self._open.held = [token]

    def _input(self, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        value = found.get("value", "")
        if kind == "text":
            value = value.replace("\r", "").replace("\n", "")
        held = [value] if kind != "checkbox" or "checked" in found else []
        self.controls.append(Control(kind, found["name"], found, held, {value: True} if kind == "checkbox" else {}))

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._open.kind == "textarea":
            self._open.held = [*self._open.held, data]

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("select", "textarea") or self._open is None:
            return
        control, self._open = self._open, None
        if tag == "textarea":
            text = "".join(control.held).replace("\r\n", "\n").replace("\r", "\n")
            control.held = [text.removeprefix("\n")]
        elif not control.held:  # a browser chooses the first that can be
            control.held = [token for token, free in control.options.items() if free][:1]

    def named(self, name: str) -> list[Control]:
        return [control for control in self.controls if control.name == name and control.kind != "hidden"]

    def fill(self, name: str, *values: str) -> None:
        """Write or choose; for boxes, tick exactly these."""
        controls = self.named(name)
        assert controls, f"there is no field {name}; there are {[c.name for c in self.controls]}"
        for control in controls:
            if control.kind == "checkbox":
                control.held = [value for value in values if value in control.options]
            else:
                if control.kind == "select":
                    assert control.options.get(values[0]), f"{name} does not offer {values[0]}: {control.options}"
                control.held = list(values)

    def post(self, do: str = "") -> QueryDict:
        """Return what a browser sends."""
        pairs = [(control.name, value) for control in self.controls for value in control.held]
        if do:
            assert do in self.buttons, f"there is no button {do}; there are {list(self.buttons)}"
            assert "disabled" not in self.buttons[do], f"{do} is disabled: {self.buttons[do]['title']}"
            pairs.append(("do", do))
        lines = [(name, value.replace("\r\n", "\n").replace("\n", "\r\n")) for name, value in pairs]
        return QueryDict(urlencode(lines, errors="surrogatepass"))


@dataclass
class Hands:
    """Works on one step of a draft, or with step "" on the plan itself."""

    draft: dict[str, Any]
    step: str
    last: Given | None = None

    @property
    def body(self) -> Any:
        return self.draft["steps"][self.step] if self.step else self.draft

    def inspection(self) -> document.Inspection:
        try:
            return document.inspect_value(self.draft)
        except canon.NotCanonical:  # no draft that is kept, but nothing that may break a page
            return document.Inspection(None, ())

    def choices(self) -> Choices:
        return choices(self.draft, TEMPLATES, POLICIES)

    def html(self) -> str:
        found = self.inspection()
        offered = choices(self.draft, TEMPLATES, POLICIES)
        if self.step:
            form: Any = step_form(self.step, self.body, offered, found.problems, self.last)
        else:
            form = plan_form(self.draft, offered, found.problems, self.last)
        return render_to_string(f"plans/panel/{'step' if self.step else 'plan'}.html", {"form": form})

    def look(self) -> Page:
        return Page(self.html())

    def send(self, data: QueryDict) -> Given:
        """Post, and keep what comes of it."""
        read = read_step if self.step else read_plan
        before = deepcopy(self.body)
        self.last = given = read(self.body, data, self.choices())
        assert self.body == before, "reading a form changed the draft itself"
        if self.step:
            self.draft["steps"][self.step] = given.body
        else:
            self.draft = given.body
        return given

    def fill(self, name: str, *values: str) -> Given:
        """Fill in one field and save; the page says what came of it."""
        page = self.look()
        page.fill(name, *values)
        return self.send(page.post())

    def set(self, name: str, *values: str) -> None:
        """Fill in one field that has to be taken."""
        assert self.fill(name, *values).errors == ()

    def press(self, do: str) -> Given:
        return self.send(self.look().post(do))


def at(draft: dict[str, Any], step: str = "") -> Hands:
    """Return hands at a step of a draft, which is copied."""
    return Hands(deepcopy(draft), step)


def fill_value(hands: Hands, name: str, value: Any) -> None:
    """Say a value of the document in the field of this name."""
    page = hands.look()
    if page.named(name + "~n"):
        (number,), (unit,) = Seconds().show(value)
        page.fill(name + "~n", number)
        page.fill(name + "~unit", unit)
        assert hands.send(page.post()).errors == ()
    elif isinstance(value, list):
        hands.set(name, *map(str, value))
    elif isinstance(value, bool):
        boxed = page.named(name)[0].kind == "checkbox"
        hands.set(name, *(["on"] if value else [])) if boxed else hands.set(name, str(value).lower())
    else:
        hands.set(name, str(value))


def make_condition(hands: Hands, path: str, wanted: dict[str, Any]) -> None:
    """Make the condition at a path say what is wanted, from outside inwards."""
    about = changes.about(wanted)
    if hands.look().named(path + "~about")[0].held != [about]:
        hands.set(path + "~about", about)
    op = wanted["op"]
    if op == "not":
        return make_condition(hands, path + "/arg", wanted["arg"])
    for index, arg in enumerate(wanted.get("args", [])):
        if index:
            hands.press(f"add:{path}/args")
        make_condition(hands, f"{path}/args/{index}", arg)
    if hands.look().named(path + "/op"):
        hands.set(path + "/op", op)
    if about == changes.OUTCOME and "ref" in wanted:
        hands.set(path + "/ref~step", changes.step_of(wanted))
    for index, value in enumerate(wanted.get("values", [])):
        if index:
            hands.press(f"add:{path}/values")
        fill_value(hands, f"{path}/values/{index}", value)
    if "default" in wanted:
        hands.press(f"add:{path}/default")
    for key in ("of", "step", "event", "count", "seconds", "label", "value", "default"):
        if key in wanted:
            fill_value(hands, f"{path}/{key}", wanted[key])
    return None
