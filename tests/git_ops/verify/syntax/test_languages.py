import pytest
from tree_sitter_language_pack import get_parser

from git_ops.verify.syntax import languages
from git_ops.verify.syntax.languages import language_of


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "python"), ("x/A.PY", "python"), ("a.tsx", "tsx"), ("Makefile", "make"), ("x/CMakeLists.txt", "cmake"),
        ("go.mod", "gomod"), ("a.txt", None), ("README", None), ("py", None), ("a.py/x", None), ("a.py~", None), ("", None),
    ],
)  # fmt: skip
def test_language_of(path, language):
    assert language_of(path) == language


@pytest.mark.parametrize("language", sorted({*languages._LANGUAGES.values(), *languages._BY_NAME.values()}))
def test_every_grammar_is_installed(language):
    assert get_parser(language).parse(b"").root_node is not None


def test_no_extension_has_two_grammars():
    listed = [extension for one in languages._BY_EXTENSION.values() for extension in one.split()]
    assert len(listed) == len(set(listed))
