"""The house rules that no linter knows: how long things may be, and what a template may not hold."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("dee_site", "runs", "plans", "policies", "channels", "audit", "devtools")
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_TEMPLATE, LONGEST_TASKS = 400, 70, 150, 15
MOST_POSITIONAL = 5
MODULES = [
    ROOT / "dev.py",
    ROOT / "manage.py",
    *sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts),
]
TEMPLATES = sorted(
    path for folder in ("templates", "*/templates") for path in ROOT.glob(f"{folder}/**/*") if path.is_file()
)
# A browser under our policy ignores each of these; `|safe` would let what a person typed become HTML.
FORBIDDEN = {
    "the filter |safe": re.compile(r"\|\s*safe(seq)?\b|\{%\s*autoescape\s+off"),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*="),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an event handler attribute": re.compile(r"<[a-z][^>]*\s(on[a-z]+|hx-on[:\w-]*)\s*=", re.IGNORECASE),
    "a script in the page": re.compile(r"<script\b(?![^>]*(\bsrc=|type=\"application/json\"))", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:|hx-vals=[\"']js:", re.IGNORECASE),
    "an address of another host": re.compile(r"(src|href)=[\"'](https?:)?//", re.IGNORECASE),
}
# A comment may say what a tag may not do.
COMMENTS = re.compile(r"\{#.*?#\}|\{% comment.*?endcomment %\}|<!--.*?-->", re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def test_modules_are_short() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in MODULES}

    too_long = {
        path: lines
        for path, lines in lengths.items()
        if lines > (LONGEST_TASKS if path.endswith("/tasks.py") else LONGEST_FILE)
    }
    assert too_long == {}, "two things live together here: part them"


def test_functions_are_short() -> None:
    lengths = {
        f"{name(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in MODULES
        for function in functions(path)
    }

    assert {function: lines for function, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_functions_take_few_positional_parameters() -> None:
    widths = {
        f"{name(path)}:{function.name}": len(
            [a for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")]
        )
        for path in MODULES
        for function in functions(path)
    }

    assert {function: width for function, width in widths.items() if width > MOST_POSITIONAL} == {}


def test_imports_stand_at_the_top() -> None:
    inside = {
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert inside == set(), "an import inside a function hides a cycle"


def test_modules_say_which_question_they_answer() -> None:
    silent = [
        name(path)
        for path in MODULES
        if path.name not in ("apps.py", "__init__.py") and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_templates_are_short() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in TEMPLATES}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_TEMPLATE} == {}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds(what: str) -> None:
    holders = [name(path) for path in TEMPLATES if FORBIDDEN[what].search(COMMENTS.sub("", path.read_text()))]

    assert holders == []


def test_nothing_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py", "signals.py"}

    assert [name(path) for path in MODULES if path.name in drawers] == []


def test_every_variable_that_the_settings_read_is_in_the_example() -> None:
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z0-9_]+)\"", (ROOT / "dee_site" / "settings.py").read_text()))
    told = set(re.findall(r"^#? ?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read == told & read
    # Only dev.py reads the owner's address, and only docker-compose.yml the passwords.
    others = {"DATABASE_OWNER_URL", "DEE_SUPERUSER_PASSWORD", "DEE_OWNER_PASSWORD", "DEE_APP_PASSWORD"}
    assert told - read == others


def test_the_compose_file_describes_one_engine_and_checks_every_server() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    assert services.keys() == {"db", "redis", "migrate", "web", "worker", "beat"}
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["migrate"]
    command = services["worker"]["command"]
    assert command[command.index("--concurrency") + 1] == "1"
    assert {services[name]["image"] for name in ("migrate", "web", "worker", "beat")} == {"dee"}
    assert "dee_owner" in services["migrate"]["environment"]["DATABASE_URL"]
    assert all("dee_app:" in services[name]["environment"]["DATABASE_URL"] for name in ("web", "worker", "beat"))
