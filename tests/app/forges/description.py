"""Holds HTTP exchanges to a forge's own API description: Swagger 2.0 (Gitea, Forgejo) or OpenAPI 3.0 (GitHub).

* Closed: a request or an answer with a field, parameter or status that the description doesn't have fails,
  except where the description itself says that there may be more.
* Swagger 2.0 can't say null; there a field that is null counts as not sent.
"""

import gzip
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import jsonschema
import pytest
from jsonschema import Draft4Validator, ValidationError

SPECS = Path(__file__).parents[4] / "shared" / "specs"
_BASES = ("/api/v1", "/api/v3")
_WHOLE_PATHS = frozenset({"filepath", "ref", "branch"})
"""Path parameters of Gitea that may hold slashes. GitHub marks its own with `x-multi-segment`."""


def specs(name: str) -> Path:
    """The API description of that file name; skips the test where this checkout has none beside it."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"{name} isn't in ../shared/specs beside this checkout")
    return path


class Description:
    """One API description, `.json` or `.json.gz`.

    `fields` are what the real forge sends beyond it, by definition; `statuses` what it answers beyond it, by
    operation (`GET /repos/{owner}/{repo}`, or `*`). Each is a claim about the real forge: say where it was seen.
    """

    def __init__(
        self,
        path: Path,
        *,
        fields: Mapping[str, Collection[str]] | None = None,
        statuses: Mapping[str, Collection[int]] | None = None,
    ) -> None:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            self._whole: dict[str, Any] = json.load(file)
        self.open_api = "openapi" in self._whole
        schemas = self._whole["components"]["schemas"] if self.open_api else self._whole["definitions"]
        for name, extra in (fields or {}).items():
            schemas[name]["properties"] |= {field: {} for field in extra}
        self._statuses = statuses or {}

    def check(  # noqa: PLR0917 - an exchange has these six parts
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        request_body: bytes | None,
        status: int,
        response_body: bytes,
    ) -> str:
        """The operation, `GET /repos/{owner}/{repo}`; raise `AssertionError` for what the description doesn't have.

        `path` is as it was sent, percent-encoded, with or without the API's base path.
        """
        for base in _BASES:
            path = path.removeprefix(base)
        template, operation, parameters = self._operation(method, path)
        where = f"{method} {template}"
        self._check_query(where, parameters, query)
        self._check_request(where, operation, parameters, request_body)
        self._check_answer(where, operation, status, response_body)
        return where

    def check_httpx(self, answer: httpx.Response) -> str:
        """`check` for an answer of httpx whose body was read."""
        url = answer.request.url
        path = url.raw_path.decode().partition("?")[0]
        query = list(url.params.multi_items())
        request = answer.request
        return self.check(
            request.method, path, query, request.content or None, answer.status_code, answer.content
        )

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], int, str, str]]:
        """Pattern, count of its variable parts, method and template of every operation."""
        found = []
        for template, methods in self._whole["paths"].items():
            for method, operation in methods.items():
                if method == "parameters":
                    continue
                named = {one["name"]: one for one in self._parameters(template, operation)}
                pattern = re.sub(
                    r"\\\{(\w+)\\\}",
                    lambda match, named=named: _pattern(named.get(match[1])),
                    re.escape(template),
                )
                found.append((re.compile(pattern), template.count("{"), method.upper(), template))
        return found

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
        """The operation for a path; of several that match, the one with the fewest variable parts."""
        found = [
            (variable, -len(template), template)
            for pattern, variable, known, template in self._templates
            if known == method and pattern.fullmatch(path)
        ]
        assert found, f"the description has no {method} {path}"
        template = min(found)[-1]  # of those with as few variable parts the one that says more
        operation = self._whole["paths"][template][method.lower()]
        return template, operation, self._parameters(template, operation)

    def _parameters(self, template: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
        shared = self._whole["paths"][template].get("parameters", [])
        return [self._resolved(one) for one in [*shared, *operation.get("parameters", [])]]

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in value:
            return value
        found: Any = self._whole
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[unquote(part)]
        return self._resolved(found)

    def _check_query(
        self, where: str, parameters: list[dict[str, Any]], query: list[tuple[str, str]]
    ) -> None:
        known = {one["name"]: one for one in parameters if one["in"] == "query"}
        for name, value in query:
            assert name in known, f"{where} has no query parameter {name!r}"
            schema = self._resolved(known[name].get("schema", known[name]))
            self._validate(_schema_of_text(schema), _typed(schema, value), f"{where}?{name}")
        missing = {name for name, one in known.items() if one.get("required")} - {name for name, _ in query}
        assert not missing, f"{where} needs the query parameters {missing}"

    def _check_request(
        self, where: str, operation: dict[str, Any], parameters: list[dict[str, Any]], body: bytes | None
    ) -> None:
        if self.open_api:
            described = self._resolved(operation.get("requestBody", {}))
            schema = described.get("content", {}).get("application/json", {}).get("schema")
        else:
            described = next((one for one in parameters if one["in"] == "body"), {})
            schema = described.get("schema")
        if body is None:
            assert not described.get("required"), f"{where} needs a body"
            return
        assert schema is not None, f"{where} takes no JSON body"
        self._validate(schema, json.loads(body), f"the request of {where}")

    def _check_answer(self, where: str, operation: dict[str, Any], status: int, body: bytes) -> None:
        beyond = {*self._statuses.get(where, ()), *self._statuses.get("*", ())}
        described = operation["responses"].get(str(status))
        what = f"{status} for {where}"
        assert described is not None or status in beyond, f"{what} isn't in the description: {body[:200]!r}"
        if described is None or (status >= 400 and not self.open_api):
            if body or status != 404:  # "a not found empty response", as Gitea's description calls it
                _check_refusal(what, body)
            return
        response = self._resolved(described)
        schema = response.get("schema")
        if self.open_api:
            schema = response.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            assert not body or "content" in response, f"{what} has no body in the description: {body[:200]!r}"
        elif schema.get("type") != "string":
            self._validate(schema, json.loads(body), what)

    def _validate(self, schema: dict[str, Any], value: Any, where: str) -> None:
        roots = ("components",) if self.open_api else ("definitions", "responses")
        whole = {**schema, **{root: self._whole[root] for root in roots if root in self._whole}}
        checked = value if self.open_api else _without_null(value)
        validator = _Closed(whole, format_checker=Draft4Validator.FORMAT_CHECKER)
        errors = [f"{list(one.absolute_path)}: {one.message[:300]}" for one in validator.iter_errors(checked)]
        assert not errors, f"{where}: {errors}"


def _pattern(parameter: dict[str, Any] | None) -> str:
    """What a path parameter matches; one that the description forgot to explain is one part of a path."""
    if parameter is None:
        return "[^/]+"
    if parameter["name"] in _WHOLE_PATHS or parameter.get("x-multi-segment"):
        return ".+"
    kind = parameter.get("type") or parameter.get("schema", {}).get("type")
    return r"-?\d+" if kind == "integer" else "[^/]+"


def _typed(schema: dict[str, Any], value: str) -> Any:
    """A query parameter's text as the value that its schema speaks of."""
    kind = schema.get("type")
    if kind == "integer":
        assert re.fullmatch(r"-?\d+", value), f"{value!r} is no integer"
        return int(value)
    if kind == "boolean":
        assert value in {"true", "false"}, f"{value!r} is no boolean"
        return value == "true"
    if schema.get("format") == "date-time":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value), value
    return value.split(",") if kind == "array" else value


def _schema_of_text(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is its own schema in Swagger 2.0; `required` means something else there."""
    return {key: one for key, one in schema.items() if key in {"type", "enum", "items", "oneOf", "anyOf"}}


def _check_refusal(what: str, body: bytes) -> None:
    """What an error looks like where nothing describes its body."""
    try:
        found = json.loads(body)
    except ValueError:
        raise AssertionError(f"{what} isn't JSON: {body[:200]!r}") from None
    assert isinstance(found, dict), what
    assert isinstance(found.get("message"), str), what


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def _nullable(keyword: str) -> Any:
    """The keyword as OpenAPI 3.0 has it: `nullable: true` beside it lets null through."""
    plain = Draft4Validator.VALIDATORS[keyword]

    def check(validator: Any, value: Any, instance: Any, schema: dict[str, Any]) -> Any:
        if instance is None and schema.get("nullable"):
            return ()
        return plain(validator, value, instance, schema) or ()

    return check


def _closed_properties(
    validator: Any, properties: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    yield from Draft4Validator.VALIDATORS["properties"](validator, properties, instance, schema) or ()
    if isinstance(instance, dict) and "additionalProperties" not in schema:
        unknown = sorted(instance.keys() - properties.keys())
        if unknown:
            yield ValidationError(f"fields that the description doesn't have: {unknown}")


def _open_branches(
    validator: Any, branches: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Of `allOf` each branch describes a part, so none of them is closed."""
    if instance is None and schema.get("nullable"):
        return
    for index, branch in enumerate(branches):
        opened = _Open(branch, _resolver=validator._resolver, format_checker=validator.format_checker)
        for error in opened.iter_errors(instance):
            error.schema_path.appendleft(index)
            yield error


_NULLABLE = {keyword: _nullable(keyword) for keyword in ("type", "enum", "anyOf", "oneOf")}
_Open = jsonschema.validators.extend(Draft4Validator, _NULLABLE | {"allOf": _nullable("allOf")})
_Closed = jsonschema.validators.extend(
    Draft4Validator, _NULLABLE | {"properties": _closed_properties, "allOf": _open_branches}
)
