"""How does the API describe itself? From its docstrings, its rights and its shapes, so that nothing is said twice."""

from typing import Any, cast

from drf_spectacular.openapi import AutoSchema

from audit.api_base import Endpoint

REFUSAL = {
    "type": "object",
    "description": "Why a request was refused.",
    "required": ["error", "fields"],
    "properties": {
        "error": {"type": "string", "description": "Where, what, and what to do, as a sentence."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "A sentence for each field at fault; empty when it is about none.",
        },
    },
    "example": {
        "error": "Nothing was done. Correct note, and send it again.",
        "fields": {"note": "This field may not be blank."},
    },
}
ALWAYS = {"401": "Not signed in.", "403": "The right is missing.", "429": "Too many requests."}
WITH_A_BODY = {
    "400": "The body is no JSON as this API takes it.",
    "411": "The body came without its length.",
    "413": "The body is longer than 1 MiB.",
    "415": "The body is not sent as JSON.",
}
WITH_FIELDS = {"422": "What is asked for is not right; `fields` says what."}
WITH_A_NAME = {"404": "There is no such thing."}
DONE = {"200": "What was asked for.", "201": "It was recorded.", "202": "Queued: the engine decides in its turn."}
NAMES = {
    "id": "The input's id.",
    "key": "The plan's key.",
    "no": "The run's number.",
    "number": "The version's number.",
    "ref": "The contact's reference.",
}


class Described(AutoSchema):
    """The first line of a view's docstring is the summary; the rest, and the rights it needs, the description."""

    def get_summary(self) -> str:
        """Return the first line of the docstring."""
        return self._paragraphs()[0]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """Return the rest of the docstring with the rights that the method needs."""
        rights = " and ".join(f"`{right}`" for right in cast(Endpoint, self.view).rights[self.method])
        needs = f"Needs the right{'s' if ' and ' in rights else ''} {rights}." if rights else "Needs no further right."
        return "\n\n".join([*self._paragraphs()[1:], needs])

    def _paragraphs(self) -> list[str]:
        doc = super().get_description()
        return [" ".join(part.split()) for part in doc.split("\n\n")]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what every operation shares: names in addresses, and answers; drf-spectacular's postprocessing hook."""
    result["components"]["schemas"]["Refusal"] = REFUSAL
    for path, methods in result["paths"].items():
        for operation in methods.values():
            parameters = operation.get("parameters", [])
            for parameter in parameters:
                if parameter["in"] == "path":
                    parameter["description"] = NAMES[parameter["name"]]
            queried = any(parameter["in"] == "query" for parameter in parameters)
            _answers(operation["responses"], "requestBody" in operation, queried, "{" in path)
    _drop(result, "x-spec-enum-id")
    return result


def _answers(answers: dict[str, Any], body: bool, query: bool, named: bool) -> None:
    refusals = {
        **ALWAYS,
        **(WITH_A_BODY if body else {}),
        **(WITH_FIELDS if body or query else {}),
        **(WITH_A_NAME if named else {}),
    }
    for code, said in refusals.items():
        answers.setdefault(code, {"description": said})
    for code, answer in answers.items():
        answer["description"] = answer["description"] or DONE[code]
        if code >= "400":
            answer["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    ordered = sorted(answers.items())
    answers.clear()
    answers.update(ordered)


def _drop(part: Any, key: str) -> None:
    """Take a key out of a tree, wherever it stands."""
    if isinstance(part, dict):
        part.pop(key, None)
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _drop(inner, key)
