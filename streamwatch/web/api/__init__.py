"""The API for other programs, under `/api/v1`: JSON, described by OpenAPI, errors as problem+json."""
