"""Does the description hold? It validates without a warning, says something of everything, and its examples work."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework import serializers

from audit.api_base import Asked
from dee_site import api
from policies import api_serializers as policy_shapes
from runs import api_serializers as run_shapes
from tests.integration.api.caller import caller, operations, stranger

DESCRIPTION = api.description()
METHODS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
BODIES = [
    shape
    for module in (policy_shapes, run_shapes)
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, Asked) and shape.__name__.startswith("New")
]


def test_it_validates_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")

    assert "openapi: 3.0" in capsys.readouterr().out


def test_it_describes_every_address_once() -> None:
    described = {operation.values[0]["operationId"] for operation in METHODS}

    assert len(METHODS) == len(described) == len(operations())


@pytest.mark.parametrize("operation", METHODS)
def test_an_operation_says_what_it_does_what_it_needs_and_how_it_refuses(operation: dict[str, Any]) -> None:
    assert operation["summary"].endswith(".")
    assert "Needs the right" in operation["description"] or "Needs no further right." in operation["description"]
    assert operation["security"] == [{"tokenAuth": []}, {"cookieAuth": []}]
    assert all(parameter["description"] for parameter in operation.get("parameters", []) if parameter["in"] == "path")
    for code, answer in operation["responses"].items():
        assert answer["description"]
        schema = answer["content"]["application/json"]["schema"]["$ref"]
        assert (schema == "#/components/schemas/Refusal") == (code >= "400")
    assert {"401", "403", "429"} <= operation["responses"].keys()


@pytest.mark.parametrize("operation", [row for row in METHODS if "requestBody" in str(row.values[0])])
def test_a_body_has_an_example(operation: dict[str, Any]) -> None:
    assert operation["requestBody"]["content"]["application/json"]["examples"]
    assert {"400", "413", "415", "422"} <= operation["responses"].keys()


@pytest.mark.parametrize("shape", BODIES)
def test_the_example_of_a_body_is_one_that_is_taken(shape: type[serializers.Serializer[Any]]) -> None:
    example = shape._spectacular_annotation["examples"][0].value

    assert shape(data=json.loads(json.dumps(example))).is_valid(raise_exception=True)


def test_no_name_of_a_field_is_left_without_words() -> None:
    asked = {name for name in DESCRIPTION["components"]["schemas"] if name.startswith("New")}

    assert len(asked) == len(BODIES)
    assert "x-spec-enum-id" not in json.dumps(DESCRIPTION)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/vnd.oai.openapi+json"),
        ("application/json", "application/json"),
        ("application/yaml", "application/yaml"),
    ],
)
def test_it_is_handed_out_as_json_and_as_yaml(accept: str, kind: str) -> None:
    answer = stranger().client.get("/api/v1/schema/", HTTP_ACCEPT=accept)

    assert answer.status_code == 200 and answer["Content-Type"].startswith(kind)
    if "json" in kind:
        assert json.loads(answer.content) == json.loads(json.dumps(DESCRIPTION))


@pytest.mark.django_db
def test_the_index_lists_where_to_begin() -> None:
    shown = caller().get("").data

    assert shown["schema"] == "http://testserver/api/v1/schema/"
    addresses = {row["name"]: row for row in shown["addresses"]}
    assert addresses["suppressions"]["url"] == "http://testserver/api/v1/suppressions/"
    assert addresses["suppressions"]["methods"] == ["GET", "POST"]
    assert all(row["about"].endswith(".") for row in addresses.values())
    assert caller().get(addresses["runs"]["url"].partition("/api/v1/")[2]).status == 403
