"""That the helper bites: each thing that it should notice, noticed."""

import json
from typing import Any

import pytest

from tests.app.forges.description import Description

USER = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "login": {"type": "string"}},
}
OWNER = {"name": "owner", "in": "path", "required": True, "type": "string"}
PAGE = {"name": "page", "in": "query", "type": "integer"}
SINCE = {"name": "since", "in": "query", "type": "string", "format": "date-time"}
FILE = {"name": "filepath", "in": "path", "required": True, "type": "string"}
INDEX = {"name": "index", "in": "path", "required": True, "type": "integer"}
FORM = {"type": "object", "required": ["state"], "properties": {"state": {"type": "string", "enum": ["on"]}}}

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "definitions": {"User": USER, "Form": FORM},
    "responses": {"User": {"schema": {"$ref": "#/definitions/User"}}, "empty": {"description": "nothing"}},
    "paths": {
        "/users/{owner}": {
            "get": {
                "parameters": [OWNER, PAGE, SINCE],
                "responses": {"200": {"$ref": "#/responses/User"}, "404": {"$ref": "#/responses/empty"}},
            },
            "post": {
                "parameters": [
                    OWNER,
                    {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Form"}},
                ],
                "responses": {"204": {"$ref": "#/responses/empty"}},
            },
        },
        "/users/me": {"get": {"responses": {"200": {"$ref": "#/responses/User"}}}},
        "/files/{filepath}": {"get": {"parameters": [FILE], "responses": {"204": {"description": ""}}}},
        "/issues/{index}": {"get": {"parameters": [INDEX], "responses": {"204": {"description": ""}}}},
    },
}


def _schema(found: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": found}}}


OPEN_API: dict[str, Any] = {
    "openapi": "3.0.3",
    "components": {
        "schemas": {
            "user": USER,
            "nobody": {**USER, "nullable": True},
            "both": {"allOf": [{"$ref": "#/components/schemas/user"}, {"properties": {"more": {}}}]},
        },
        "parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
    },
    "paths": {
        "/users/{owner}": {
            "parameters": [{"name": "owner", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "parameters": [{"$ref": "#/components/parameters/page"}],
                "responses": {"200": _schema({"$ref": "#/components/schemas/user"})},
            },
            "put": {"responses": {"200": _schema({"$ref": "#/components/schemas/nobody"})}},
            "patch": {"responses": {"200": _schema({"$ref": "#/components/schemas/both"})}},
            "post": {"requestBody": {"required": True, **_schema(FORM)}, "responses": {"204": {}}},
        }
    },
}


@pytest.fixture
def swagger(tmp_path) -> Description:
    path = tmp_path / "swagger.json"
    path.write_text(json.dumps(SWAGGER))
    return Description(path, fields={"User": {"extra"}}, statuses={"GET /users/{owner}": {500}})


@pytest.fixture
def open_api(tmp_path) -> Description:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(OPEN_API))
    return Description(path)


def test_what_is_described_passes(swagger):
    assert (
        swagger.check("GET", "/api/v1/users/x", [("page", "1")], None, 200, b'{"id": 1}')
        == "GET /users/{owner}"
    )
    assert swagger.check("GET", "/users/me", [], None, 200, b'{"id": 1, "login": null}') == "GET /users/me"
    assert swagger.check("GET", "/files/a/b%20c", [], None, 204, b"") == "GET /files/{filepath}"
    swagger.check(
        "GET", "/users/x", [("since", "2024-01-01T00:00:00Z")], None, 200, b'{"id": 1, "extra": []}'
    )
    swagger.check("GET", "/users/x", [], None, 404, b'{"message": "no"}')
    swagger.check("GET", "/users/x", [], None, 500, b'{"message": "known to happen"}')
    swagger.check("POST", "/users/x", [], b'{"state": "on"}', 204, b"")


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status", "answer"),
    [
        ("PUT", "/users/x", [], None, 200, b'{"id": 1}'),
        ("GET", "/users/x/y", [], None, 200, b'{"id": 1}'),
        ("GET", "/nothing", [], None, 200, b'{"id": 1}'),
        ("GET", "/issues/one", [], None, 204, b""),
        ("GET", "/users/x", [("limit", "1")], None, 200, b'{"id": 1}'),
        ("GET", "/users/x", [("page", "one")], None, 200, b'{"id": 1}'),
        ("GET", "/users/x", [("since", "yesterday")], None, 200, b'{"id": 1}'),
        ("GET", "/users/x", [], b"{}", 200, b'{"id": 1}'),
        ("GET", "/users/x", [], None, 418, b'{"id": 1}'),
        ("GET", "/users/x", [], None, 200, b"{}"),
        ("GET", "/users/x", [], None, 200, b'{"id": "1"}'),
        ("GET", "/users/x", [], None, 200, b'{"id": 1, "unknown": 1}'),
        ("GET", "/users/x", [], None, 200, b"<html>"),
        ("GET", "/users/x", [], None, 404, b"<html>"),
        ("GET", "/users/x", [], None, 500, b"{}"),
        ("POST", "/users/x", [], b"{}", 204, b""),
        ("POST", "/users/x", [], b'{"state": "off"}', 204, b""),
        ("POST", "/users/x", [], b'{"state": "on", "more": 1}', 204, b""),
        ("POST", "/users/x", [], b'{"state": "on"}', 204, b"text"),
    ],
)
def test_what_is_not_described_fails(swagger, *, method, path, query, body, status, answer):
    with pytest.raises((AssertionError, ValueError)):
        swagger.check(method, path, query, body, status, answer)


def test_open_api_passes_what_it_describes(open_api):
    assert open_api.check("GET", "/users/x", [("page", "1")], None, 200, b'{"id": 1}') == "GET /users/{owner}"
    open_api.check("PUT", "/users/x", [], None, 200, b"null")
    open_api.check("PATCH", "/users/x", [], None, 200, b'{"id": 1, "more": 2}')
    open_api.check("POST", "/users/x", [], b'{"state": "on"}', 204, b"")


@pytest.mark.parametrize(
    ("method", "query", "body", "answer"),
    [
        ("GET", [], None, b"null"),
        ("GET", [], None, b'{"id": 1, "login": null}'),
        ("GET", [], None, b'{"id": 1, "unknown": 1}'),
        ("GET", [("limit", "1")], None, b'{"id": 1}'),
        ("PATCH", [], None, b'{"more": 2}'),
        ("POST", [], None, b""),
        ("POST", [], b'{"state": "on", "more": 1}', b""),
    ],
)
def test_open_api_fails_what_it_does_not_describe(open_api, *, method, query, body, answer):
    with pytest.raises(AssertionError):
        open_api.check(method, "/users/x", query, body, 204 if method == "POST" else 200, answer)
