"""A process of its own that parses hostile text: one request after the other on stdin, one answer each on stdout.

* Run by its path, so it imports nothing of this project. Where a grammar crashes, hangs or eats memory, only this
  process is lost, and who asked sees that it ended.
* Nothing is executed: trees come from tree-sitter, and ast, json, tomllib and YAML's event parser load data only.
* No recursion over the input. Rows count from 0. Bytes that aren't UTF-8 travel as surrogate escapes.
"""

import ast
import json
import re
import resource
import struct
import sys
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

_MEMORY_BYTES = 2 * 2**30
_MAX_ERRORS = 1_000
_LENGTHS = struct.Struct(">II")
"""Of the request's JSON header and of the content after it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTIONS = _words(
    """function_definition function_declaration generator_function_declaration function_item method_definition
    method_declaration method singleton_method constructor_declaration function_signature_item"""
)
_SIGNATURES = _words("function_signature method_signature abstract_method_signature")
_TYPES = _words(
    """class_definition class_declaration abstract_class_declaration class_specifier class interface_declaration
    struct_specifier struct_item struct_declaration union_specifier union_item enum_specifier enum_declaration
    enum_item trait_item trait_declaration trait_definition object_definition object_declaration record_declaration
    protocol_declaration module type_spec type_alias_declaration type_definition type_item macro_definition
    annotation_type_declaration"""
)
_CONSTANTS = _words(
    "const_spec const_item static_item preproc_def preproc_function_def const_element lexical_declaration"
)
_VARIABLES = _words("assignment variable_declaration property_declaration var_spec")
_PAIRS = _words("pair block_mapping_pair flow_pair")
_IMPORTS = _words(
    """import_statement import_from_statement future_import_statement import_declaration import_header
    use_declaration using_directive namespace_use_declaration preproc_include import_spec"""
)
_TRANSPARENT = _words(
    """decorated_definition export_statement template_declaration lexical_declaration const_declaration
    var_declaration type_declaration expression_statement declaration import_declaration import_spec_list
    declaration_list_item type_definition"""
)
"""Nodes that only wrap a definition: what is defined in them is defined around them."""
_NEED_BODY = _words("class_specifier struct_specifier union_specifier enum_specifier")
_OVERLOADING = _words("java csharp cpp kotlin swift scala groovy dart d apex cuda arduino")
_NAMELIKE = re.compile(r"identifier|^name$|^constant$|^word$|^variable_name$")
_BLANK = re.compile(rb"\s+")
_REPEATABLE = _words("_ init <<")
"""Names that may stand more than once: Go's blank and initialiser, YAML's merge key."""
_BODIES = ("body", "block", "declaration_list", "program", "preproc_ifdef", "preproc_if")
_MAX_SCOPES = 50
_MAX_KEY = 200


class _Walk:
    """All named nodes of a tree, parents first, with the definitions they stand in."""

    def __init__(self, language: str, root: Any) -> None:
        self.language = language
        self.definitions: list[tuple[str, str, bool, int, int]] = []
        self.repeats: dict[str, int] = {}
        self._counts: Counter[tuple[int, str]] = Counter()
        self._walk(root)
        for (_container, key), count in self._counts.items():
            if count > 1:
                self.repeats[key] = max(count, self.repeats.get(key, 0))

    def _walk(self, root: Any) -> None:
        todo: list[tuple[Any, Any, int, tuple[str, ...], bool]] = [(root, None, 0, (), True)]
        while todo:
            node, parent, container, scope, outer = todo.pop()
            kind = node.type
            if kind in _IMPORTS:
                self._import(node, container, scope)
            inner = self._define(node, parent, container, scope, outer=outer)
            if kind not in _TRANSPARENT:
                # Constants count in the file and in a type's body, variables of a function don't.
                container, outer = (
                    node.id,
                    parent is None or kind in _TYPES or (outer and kind.endswith(_BODIES)),
                )
            todo += [(child, node, container, inner, outer) for child in reversed(node.named_children)]

    def _define(
        self, node: Any, parent: Any, container: int, scope: tuple[str, ...], *, outer: bool
    ) -> tuple[str, ...]:
        """Note what the node defines; the scope of what stands in it."""
        found = _named(node, outer=outer)
        if found is None:
            return scope
        kind, name_node = found
        name = _text(name_node)
        whole = parent if parent is not None and parent.type == "decorated_definition" else node
        if kind != "key":
            member = bool(scope) or node.child_by_field_name("receiver") is not None
            self.definitions.append((name, kind, member, whole.start_point[0], whole.end_point[0]))
        if kind not in {"signature", "variable"} and name not in _REPEATABLE:
            self._counts[container, "/".join((*scope, self._key(node, whole, kind, name)))] += 1
        return (*scope, name) if len(scope) < _MAX_SCOPES else scope

    def _key(self, node: Any, whole: Any, kind: str, name: str) -> str:
        """What tells two definitions of one name apart, where the language has such a thing."""
        parts = [kind, name]
        if whole is not node:
            parts += [_squeezed(child) for child in whole.children if child.type == "decorator"]
            parts.append(_squeezed(node.child_by_field_name("parameters")))
        elif self.language in _OVERLOADING and kind == "function":
            parameters = node.child_by_field_name("parameters") or node.child_by_field_name("declarator")
            parts.append(_squeezed(parameters or node))
        parts += [child.type for child in node.children if child.type in {"get", "set", "static"}]
        if receiver := node.child_by_field_name("receiver"):
            parts.append(_squeezed(receiver).split(" ")[-1].strip("*()"))
        if (
            self.language == "rust"
            and (before := node.prev_named_sibling)
            and before.type == "attribute_item"
        ):
            parts.append(_squeezed(before))  # the same item for different targets
        return " ".join(parts)

    def _import(self, node: Any, container: int, scope: tuple[str, ...]) -> None:
        for key in _imported(node):
            self._counts[container, "/".join((*scope, f"import {key}"))] += 1


def _named(node: Any, *, outer: bool) -> tuple[str, Any] | None:
    """The kind of definition that a node is, and the node of its name."""
    kind = node.type
    if kind in _PAIRS:
        key = node.child_by_field_name("key")
        return ("key", key) if key is not None and key.end_byte - key.start_byte <= _MAX_KEY else None
    group = next((word for word, types in _GROUPS if kind in types), None)
    if group is None or (kind in _NEED_BODY and node.child_by_field_name("body") is None):
        return None
    if group in {"constant", "variable"} and not (outer or kind.startswith("preproc")):
        return None
    name = _name_of(node)
    return None if name is None else (group, name)


_MAX_NESTING = 6
_BINDING_FIELDS = _words("left declarator pattern alias")
_PATTERNS = _words("pattern_list tuple_pattern list_pattern object_pattern array_pattern expression_list")
_DEFINING = (
    _FUNCTIONS
    | _SIGNATURES
    | _TYPES
    | _CONSTANTS
    | _VARIABLES
    | _words("variable_declarator enumerator shorthand_property_identifier_pattern")
)
_GROUPS = (
    ("function", _FUNCTIONS),
    ("signature", _SIGNATURES),
    ("type", _TYPES),
    ("constant", _CONSTANTS),
    ("variable", _VARIABLES),
)


def _name_of(node: Any) -> Any | None:
    """Follow the fields that lead to a name; C nests declarators."""
    for _ in range(20):
        if (name := node.child_by_field_name("name")) is not None:
            return name
        inner = node.child_by_field_name("declarator") or node.child_by_field_name("left")
        if inner is None and node.type in {"lexical_declaration", "variable_declaration"}:
            inner = next((c for c in node.named_children if c.type == "variable_declarator"), None)
        if inner is None:
            if _NAMELIKE.search(node.type):
                return node
            return next((c for c in node.named_children if _NAMELIKE.search(c.type)), None)
        node = inner
    return None


def _imported(node: Any) -> Iterator[str]:
    """What an import brings in: one name each where the grammar tells, else the statement."""
    names = node.children_by_field_name("name")
    if node.type == "import_declaration" and any(
        c.type.startswith("import_spec") for c in node.named_children
    ):
        return
    if node.type in {"import_from_statement", "import_statement"} and names:
        module = node.child_by_field_name("module_name")
        for name in names:
            yield f"{_squeezed(module)} {_squeezed(name)}".strip()
        return
    clause = next((c for c in node.named_children if c.type == "import_clause"), None)
    if clause is None:
        yield _squeezed(node)
        return
    for child in clause.named_children:
        specifiers = child.named_children if child.type == "named_imports" else [child]
        for one in specifiers:
            yield _squeezed(one.child_by_field_name("alias") or one.child_by_field_name("name") or one)


def _squeezed(node: Any) -> str:
    return "" if node is None else _BLANK.sub(b" ", node.text).decode("utf-8", "surrogateescape").strip("; ")


def _text(node: Any) -> str:
    text: bytes = node.text
    return text.decode("utf-8", "surrogateescape")


def _errors(root: Any) -> tuple[int, int | None]:
    """How many places the grammar couldn't make sense of, and the first one's row."""
    count, first, todo = 0, None, [root] if root.has_error else []
    while todo and count < _MAX_ERRORS:
        node = todo.pop()
        if node.is_error or node.is_missing:
            count += 1
            first = node.start_point[0] if first is None else min(first, node.start_point[0])
        else:
            todo += [child for child in node.children if child.has_error or child.is_missing]
    return count, first


def _occurrences(root: Any, content: bytes, names: list[str]) -> list[tuple[str, int, int, str]]:
    """Where the names stand in code, not in comments or strings: name, row, column, role."""
    pattern = rb"\b(?:" + b"|".join(re.escape(n.encode("utf-8", "surrogateescape")) for n in names) + rb")\b"
    found = []
    for match in re.finditer(pattern, content):
        node = root.descendant_for_byte_range(match.start(), match.end())
        if (
            node is not None
            and (node.start_byte, node.end_byte) == match.span()
            and _NAMELIKE.search(node.type)
        ):
            row, column = node.start_point
            found.append((match[0].decode("utf-8", "surrogateescape"), row, column, _role(node)))
    return found


def _role(node: Any) -> str:
    """Whether a name is used, imported, bound (defined, declared, assigned, a parameter), or only a key or keyword."""
    parent = node.parent
    if _in_import(parent):
        aliased = parent.child_by_field_name("alias")
        return "binding" if aliased == node else "import"
    for _ in range(_MAX_NESTING):
        if parent is None:
            return "use"
        fields = {parent.field_name_for_child(i) for i, c in enumerate(parent.children) if c == node}
        keyed = parent.type in _PAIRS or parent.type == "keyword_argument"
        if keyed and fields & {"key", "name"}:
            return "key"
        defines = parent.type in _DEFINING or "parameter" in parent.type
        if fields & _BINDING_FIELDS or (
            defines and fields & {"name", None} and "argument" not in parent.type
        ):
            return "binding"
        if parent.type not in _PATTERNS:
            return "use"
        node, parent = parent, parent.parent
    return "use"


def _in_import(node: Any) -> bool:
    for _ in range(_MAX_NESTING):
        if node is None or node.type in _IMPORTS:
            break
        node = node.parent
    return node is not None and node.type in _IMPORTS


def _loaded(language: str, content: bytes) -> str | None:
    """What the format's own parser says against it: none if all is well, or if there is no such parser."""
    loader = _LOADERS.get(language)
    if loader is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in other people's code are no problem of ours
            loader(content)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as e:
        return f"{type(e).__name__}: {e}"[:200]
    return None


def _load_yaml(content: bytes) -> None:
    """Syntax only: no object is built, so no alias can blow up."""
    import yaml

    try:
        for _ in yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except yaml.YAMLError as e:
        raise ValueError(" ".join(str(e).split())) from e


_LOADERS: dict[str, Callable[[bytes], object]] = {
    "python": ast.parse,
    "json": json.loads,
    "toml": lambda content: tomllib.loads(content.decode()),
    "yaml": _load_yaml,
}


def _answer(request: dict[str, Any], content: bytes) -> dict[str, Any] | None:
    """None where no grammar is installed for the language."""
    try:
        from tree_sitter_language_pack import get_parser

        parser = get_parser(request["language"])
    except (ImportError, LookupError):
        return None
    root = parser.parse(content).root_node
    if "names" in request:
        return {"occurrences": _occurrences(root, content, request["names"])}
    errors, first = _errors(root)
    walk = _Walk(request["language"], root)
    return {
        "errors": errors,
        "first_error": first,
        "problem": _loaded(request["language"], content),
        "definitions": walk.definitions,
        "repeats": walk.repeats,
    }


def main() -> None:
    """Serve until stdin ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while head := stdin.read(_LENGTHS.size):
        header_size, content_size = _LENGTHS.unpack(head)
        request = json.loads(stdin.read(header_size))
        reply = json.dumps(_answer(request, stdin.read(content_size))).encode()
        stdout.write(struct.pack(">I", len(reply)) + reply)
        stdout.flush()


if __name__ == "__main__":
    main()
