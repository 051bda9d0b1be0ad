"""What schemathesis, which knows only the OpenAPI document, finds wrong with the API: nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from consoles import DrawnConsole, console_over
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_dict

from streamwatch.web.api.application import document

EXAMPLES = 3
"""Drawn requests for each operation, beside those that cover its parameters one by one."""
ENDLESS = "/v1/events"
"""A stream that does not end; see test_api_events.py."""
REJECTED = [400, 401, 403, 404, 405, 409, 422, 431]
"""The last: the server refuses a head that is too long before the API sees it."""
CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": REJECTED}},
    "generation": {"mode": "all", "max-examples": EXAMPLES, "deterministic": True, "database": "none"},
}
SCHEMA = from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG)).exclude(path=ENDLESS)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(f"sqlite:///{tmp_path}/streamwatch.db", tmp_path) as console:
        yield console


@SCHEMA.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: Case[Any], served: DrawnConsole) -> None:
    case.call_and_validate(base_url=f"{served.url}/api")
