"""The OpenAPI document in the form of its page for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = {
    ("string", "date-time"): "time",
    ("string", "binary"): "bytes",
    ("string", None): "text",
    ("integer", None): "number",
    ("number", None): "number",
    ("boolean", None): "true or false",
    ("object", None): "object",
    ("null", None): "null",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or a field of an object. kind: what it may be, in words. model: the object that it holds, or ""."""

    name: str
    kind: str
    description: str
    required: bool
    model: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. answer: what it answers with, in words; answer_model: the object, or ""."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Part, ...]
    body: tuple[Part, ...]
    answer: str
    answer_model: str

    @property
    def anchor(self) -> str:
        """The name by which links lead to it."""
        return f"{self.method}-{self.path}".lower().translate(str.maketrans("/{}.", "----")).replace("--", "-")


@dataclass(frozen=True, slots=True)
class Subject:
    """The operations about one thing."""

    name: str
    description: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """An object of the JSON."""

    name: str
    description: str
    fields: tuple[Part, ...]


class Reference:
    """What the page shows."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """document: OpenAPI 3.1, as `specification` returns it."""
        self.about: list[str] = document["info"]["description"].strip().split("\n\n")
        self.schemas: Mapping[str, Any] = document["components"]["schemas"]
        found = list(self._operations(document))
        self.subjects = [
            Subject(tag["name"], tag["description"], tuple(one for name, one in found if name == tag["name"]))
            for tag in document["tags"]
        ]
        self.models = [
            Model(name, schema.get("description", ""), tuple(self._fields(schema)))
            for name, schema in sorted(self.schemas.items())
            if schema.get("type") == "object"
        ]

    def _operations(self, document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
        base = document["servers"][0]["url"]
        for path, methods in document["paths"].items():
            for method, told in methods.items():
                answer, model = self._answer(told["responses"])
                yield (
                    told["tags"][0],
                    Operation(
                        method.upper(),
                        base + path,
                        told["summary"],
                        told.get("description", ""),
                        tuple(self._parameter(one) for one in told.get("parameters", ())),
                        tuple(self._body(told.get("requestBody"))),
                        answer,
                        model,
                    ),
                )

    def _answer(self, responses: Mapping[str, Any]) -> tuple[str, str]:
        status, response = next((status, one) for status, one in responses.items() if status.startswith("2"))
        kinds = [
            f"{kind} ({self._kind(told['schema'])})" if kind == "application/json" else kind
            for kind, told in response.get("content", {}).items()
        ]
        schemas = [told.get("schema", {}) for told in response.get("content", {}).values()]
        return f"{status} {' or '.join(kinds)}".strip(), next(filter(None, map(_model, schemas)), "")

    def _parameter(self, told: Mapping[str, Any]) -> Part:
        description = told.get("description") or told["schema"].get("description", "")
        return Part(told["name"], self._kind(told["schema"]), description, told.get("required", False))

    def _body(self, body: Mapping[str, Any] | None) -> Iterator[Part]:
        if body is not None:
            ((kind, content),) = body["content"].items()
            if model := _model(content["schema"]):
                yield from self._fields(self.schemas[model])
            else:
                yield Part("", f"{kind} ({self._kind(content['schema'])})", body.get("description", ""), True)

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[Part]:
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            yield Part(name, self._kind(field), field.get("description", ""), name in required, _model(field))

    def _kind(self, schema: Mapping[str, Any]) -> str:
        """Return what a value may be, in words."""
        if model := _model(schema) if "$ref" in schema else "":
            schema = self.schemas[model]
            return self._kind(schema) if "enum" in schema else model
        if "enum" in schema:
            return " · ".join(repr(value) if value == "" else str(value) for value in schema["enum"])
        if choices := schema.get("anyOf"):
            return " or ".join(map(self._kind, choices))
        if schema.get("type") == "array":
            return f"list of {self._kind(schema['items'])}" if schema.get("items") else "list"
        kind = schema.get("type", "any")
        return _WORDS.get((kind, schema.get("format"))) or _WORDS.get((kind, None)) or str(kind)


def _model(schema: Mapping[str, Any]) -> str:
    """Return the name of the object that a schema refers to, also as an item of a list; empty for none."""
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    inner = [schema["items"]] if schema.get("type") == "array" and schema.get("items") else schema.get("anyOf", [])
    return next(filter(None, map(_model, inner)), "")
