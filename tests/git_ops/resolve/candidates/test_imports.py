import pytest

from git_ops.resolve.candidates.imports import Imports


@pytest.mark.parametrize(
    ("path", "base", "target", "agent", "expected"),
    [
        ("f.py", b"", b"import t\n", b"import a\n", b"import t\nimport a\n"),
        (
            "f.py",
            b"import b\nimport d\n",
            b"import b\nimport d\nimport e\n",
            b"import b\nimport c\nimport d\n",
            b"import b\nimport c\nimport d\nimport e\n",
        ),
        (
            "f.py",
            b"import z\nimport a\n",
            b"import z\nimport t\nimport a\n",
            b"import z\nimport n\nimport a\n",
            b"import z\nimport t\nimport n\nimport a\n",
        ),
        ("f.py", b"import a\nimport b\n", b"import b\nimport t\n", b"import a\n", b"import t\n"),
        ("f.py", b"from m import a\n", b"from m import a, t\n", b"from m import a, b\n", None),
        ("f.py", b"from m import a\n", b"from n import a\n", b"from o import a\n", None),
        ("f.py", b"", b"from m import x\n", b"from n import x\n", None),
        ("f.py", b"", b"import t\nx = 1\n", b"import a\n", None),
        ("f.py", b"", b"from m import (\n", b"import a\n", None),
        (
            "f.ts",
            b"",
            b"import { t } from './t';\n",
            b'import a from "a";\n',
            b"import { t } from './t';\nimport a from \"a\";\n",
        ),
        (
            "f.js",
            b"",
            b"const t = require('t')\n",
            b"import a from 'a'\n",
            b"const t = require('t')\nimport a from 'a'\n",
        ),
        ("f.js", b"", b"import x from 'new'\n", b"import x from 'other'\n", None),
        (
            "F.java",
            b"",
            b"import java.util.List;\n",
            b"import java.util.Map;\n",
            b"import java.util.List;\nimport java.util.Map;\n",
        ),
        ("F.java", b"", b"import java.util.List;\n", b"import java.awt.List;\n", None),
        (
            "f.go",
            b'\t"a"\n\t"z"\n',
            b'\t"a"\n\t"t"\n\t"z"\n',
            b'\t"a"\n\t"b"\n\t"z"\n',
            b'\t"a"\n\t"b"\n\t"t"\n\t"z"\n',
        ),
        ("f.rs", b"", b"use t::T;\n", b"use a::A;\n", b"use t::T;\nuse a::A;\n"),
        ("f.rs", b"", b"mod t;\n", b"pub mod a;\n", b"mod t;\npub mod a;\n"),
        ("f.c", b"", b"#include <t.h>\n", b'# include "a.h"\n', b'#include <t.h>\n# include "a.h"\n'),
        ("f.cs", b"", b"using T;\n", b"using static A.B;\n", b"using T;\nusing static A.B;\n"),
        ("f.php", b"", b"use T\\U;\n", b"use A\\B as C;\n", b"use T\\U;\nuse A\\B as C;\n"),
        ("f.rb", b"", b"require 't'\n", b"require_relative 'a'\n", b"require 't'\nrequire_relative 'a'\n"),
        (
            "f.dart",
            b"",
            b"import 't.dart';\n",
            b"import 'a.dart';\n",
            b"import 't.dart';\nimport 'a.dart';\n",
        ),
        ("f.txt", b"", b"import t\n", b"import a\n", None),
    ],
)
def test_union(one_hunk, path, base, target, agent, expected):  # noqa: PLR0917  # a table's columns
    found = Imports().propose(one_hunk(base, target, agent, path))
    assert found == ({} if expected is None else {"h1": expected})
