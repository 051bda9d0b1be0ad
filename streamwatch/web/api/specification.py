"""The OpenAPI document: FastAPI's, with the errors as they are really answered."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streamwatch import __version__
from streamwatch.web.api.problems import PROBLEM_TYPE, Problem

ABOUT = """\
Sightings, passages, pictures and costs of one gate, for other programs. What `streamwatch sightings --format json`
prints is the same object as here.

Send a token as `Authorization: Bearer TOKEN`; on the machine itself none is needed while there are no users. Times are
ISO 8601 with offset. Codes are stable words, and new ones may be added. A list gives `next` while there is more: send
it as `cursor`, with the same filters, to go on. Errors are `application/problem+json`.
"""
_EVERY = {
    "401": "Nobody is logged in, and there is no valid token.",
    "403": "The role does not suffice.",
    "503": "The database cannot be used now.",
}
_SCHEMA = "#/components/schemas/{model}"


def specification(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document."""
    document = get_openapi(
        title="streamwatch",
        version=__version__,
        summary="Number plates at a gate",
        description=ABOUT,
        routes=api.routes,
        tags=api.openapi_tags,
        servers=[{"url": "/api"}],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template=_SCHEMA, mode="serialization")
    schemas |= problem.pop("$defs") | {Problem.__name__: problem}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"].append({})  # on the machine itself, while there are no users
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _in_an_address(parameter["schema"])
            _add_problems(operation["responses"], "{" in path, bool(operation.get("parameters")))
    return document


def _in_an_address(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is never null: it is left out instead."""
    (inner,) = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    return {name: value for name, value in inner.items() if name not in ("title", "description")}


def _add_problems(responses: dict[str, Any], names_one: bool, has_parameters: bool) -> None:
    """Add the errors to the responses of one operation."""
    told = dict(_EVERY)
    if names_one or has_parameters:
        told |= {"404": "There is no such thing, or no such page of the list."}
    if "422" in responses or has_parameters:
        told |= {"422": "A parameter or the body is wrong; `errors` says which."}
    content = {PROBLEM_TYPE: {"schema": {"$ref": _SCHEMA.format(model=Problem.__name__)}}}
    for status, description in (*told.items(), ("default", "Any other error.")):
        responses[status] = {"description": description, "content": content}
    plain = {"text/plain; charset=utf-8": {"schema": {"type": "string"}}}
    responses["431"] = {"description": "The address and the headers are too long.", "content": plain}
