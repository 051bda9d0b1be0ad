"""Every operation of the API asks for a role, and says in the OpenAPI document what it does and answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from streamwatch.core.codes import Role
from streamwatch.web.api import export_routes, log_routes, permit_routes, state_routes, write_routes
from streamwatch.web.api.access import role_of
from streamwatch.web.api.application import document

ROUTERS = (export_routes, log_routes, permit_routes, state_routes, write_routes)
ROUTES = [route for routes in ROUTERS for route in routes.router.routes if isinstance(route, APIRoute)]
DOCUMENT = document()
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def roles(dependant: Dependant) -> Iterator[Role]:
    """Yield the roles that a handler asks for."""
    for inner in dependant.dependencies:
        if (role := role_of(inner.call)) is not None:
            yield role
        yield from roles(inner)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods} {route.path}")
def test_every_operation_asks_for_one_role(route: APIRoute) -> None:
    (role,) = roles(route.dependant)
    assert role.at_least(Role.GUARD) or not WRITES & (route.methods or set())
    assert role.at_least(Role.MANAGER) or not route.path.endswith((".csv", ".xlsx", "/calls"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_does_and_answers(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"].endswith(".")
    (tag,) = operation["tags"]
    assert tag in {told["name"] for told in DOCUMENT["tags"]}
    good = {status: told for status, told in operation["responses"].items() if status.startswith("2")}
    (answer,) = good.values()
    assert all(content["schema"] for content in answer["content"].values())
    assert len(answer["content"]) == 1
    for status in ("401", "403", "503", "default"):
        assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
    assert operation["security"] == [{"token": []}, {}]
    for parameter in operation.get("parameters", []):
        assert parameter["in"] == "path" or parameter["description"], parameter["name"]
        assert "null" not in str(parameter["schema"]), parameter["name"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_field_is_explained(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert schema["description"]
    assert not name.endswith(("Object", "List")) or schema["type"] == "object"
    for field, told in schema.get("properties", {}).items():
        assert field == "items" or told.get("description"), f"{name}.{field}"


def test_operations_have_names_that_programs_can_use() -> None:
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert {"list_passages", "get_passage", "type_plate", "sightings_csv"} <= set(names)
