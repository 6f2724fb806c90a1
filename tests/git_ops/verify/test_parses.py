import pytest

GOOD_AND_BAD = [
    ("a.py", b"x = 1\n", b"x = (\n"),
    ("a.json", b"{}", b'{"a": }'),
    ("a.toml", b"a = 1\n", b"a = \n"),
    ("a.toml", b"a = 1\n", b"a = 1\na = 2\n"),
    ("a.yml", b"a: 1\n", b"a: [1\n"),
    ("a.py", b"x = 1\n", b"x = " + b"(" * 5_000),
    ("a.js", b"let x = 1;\n", b"let x = {;\n"),
    ("a.ts", b"let x: number = 1;\n", b"function (: number {\n"),
    ("a.c", b"int x;\n", b"int f( {\n"),
    ("a.go", b"package a\n", b"package a\nfunc {\n"),
    ("a.rs", b"fn f() {}\n", b"fn f( {}\n"),
    ("A.java", b"class A {}\n", b"class A {{\n"),
    ("a.rb", b"x = 1\n", b"def f\n"),
    ("a.sh", b"f() { x; }\n", b"if x; then\n"),
    ("Makefile", b"a: b\n\tc\n", b"ifeq (a\n"),
]


@pytest.mark.parametrize(("path", "good", "bad"), GOOD_AND_BAD)
def test_result_that_does_not_parse_is_caught(make_case, path, good, bad):
    case = make_case(good, good, good, path=path, head=b"", tail=b"")
    assert "parses" in case.failed(case.hunk(bad, source="git"))
    assert case.failed(case.hunk(good, source="git")) == []


@pytest.mark.parametrize(("path", "good", "bad"), GOOD_AND_BAD)
def test_what_a_side_does_not_parse_either_is_no_fault(make_case, path, good, bad):
    case = make_case(good, good, bad, path=path, head=b"", tail=b"")
    assert case.failed(case.hunk(bad, source="git")) == []


def test_each_side_may_bring_what_the_grammar_does_not_know(make_case):
    odd = b"int f(void) { %s @@ }\n"
    case = make_case(b"int a;\n", odd % b"one", odd % b"two", path="a.c", head=b"", tail=b"")
    assert case.failed(case.hunk(odd % b"one" + odd % b"two", source="git")) == []
    assert case.failed(case.hunk((odd % b"one") * 3, source="git")) == ["parses"]


HEADER = b"""#ifndef POOL_H
#define POOL_H

/**
 * @file pool.h
 * @{
 */
LIB_BEGIN

LIB_API(int) pool_the(pool_backend **out);

LIB_API(int) pool_writes(size_t *count, size_t *count, pool_buf *buf);

"""
FUNCTION = b"""/**
 * one store that lost or
 */
LIB_API(int) pool_when(pool_buf *buf, pool_thing *thing, pool_buf *buf);

"""
FOOTER = b"LIB_END\n\n#endif\n"


def test_grammar_that_has_lost_its_way_in_macros_is_no_judge(make_case):
    end = b"/** @} */\n"
    case = make_case(b"", FUNCTION, end, path="pool.h", head=HEADER, tail=FOOTER)
    assert case.failed(case.hunk(FUNCTION + end, source="git")) == []
    assert case.failed(case.hunk(FUNCTION + b"int f(void) { @@ }\n" * 4 + end, source="git")) == ["parses"]


def test_the_first_bad_line_is_named(make_case):
    case = make_case(b"", b"let a = 1;\n", b"let b = 1;\n", path="a.js", head=b"\n\n", tail=b"")
    gate = case.gates(case.hunk(b"let a = 1;\nlet = = 2;\n"))["parses"]
    assert "line 4" in gate.why


def test_prose_and_links_have_no_grammar(make_case, file_of):
    case = make_case(b"a\n", b"b\n", b"c\n", path="README.md", head=b"", tail=b"")
    assert case.failed(case.hunk(b"b c {[(\n", source="git")) == []


def test_too_large_a_file_passes_with_the_reason(make_case):
    case = make_case(b"", b"a = 1\n", b"b = 1\n", path="a.py", head=b"#" * 2**20 + b"\n", tail=b"")
    gate = case.gates(case.hunk(b"a = (\n", source="git"))["parses"]
    assert gate.passed
    assert "more than 1 MiB" in gate.why


def test_file_of_the_answer_alone_is_asked_only_of_its_own_parser(case, file_of):
    def also(path, content):
        files = {"f.txt": file_of(content=b"head\nold = 2\nnew = 3\ntail\n"), path: file_of(content=content)}
        return case.failed(case.whole(None, files=files, elsewhere=frozenset({path})))

    assert also("g.py", b"x = (\n") == ["parses"]
    assert also("g.c", b"MACRO(x) {\n") == []


@pytest.mark.parametrize(
    ("path", "versions", "result"),
    [
        (
            "a.py",
            (b"", b"def f():\n    pass\n", b"def f():\n    return 1\n"),
            b"def f():\n    pass\ndef f():\n    return 1\n",
        ),
        (
            "a.py",
            (
                b"class A:\n    x = 1\n",
                b"class A:\n    x = 1\n    def f(self): 1\n",
                b"class A:\n    x = 1\n    def f(self): 2\n",
            ),
            b"class A:\n    x = 1\n    def f(self): 1\n    def f(self): 2\n",
        ),
        (
            "a.py",
            (b"", b"import os\n", b"import os\nimport re\n"),
            b"import os\nimport os\nimport re\n",
        ),
        (
            "a.py",
            (b"", b"from a import b, c\n", b"from a import b\n"),
            b"from a import b, c\nfrom a import b\n",
        ),
        (
            "a.js",
            (b"", b"import { a } from 'x';\n", b"import { a, b } from 'x';\n"),
            b"import { a } from 'x';\nimport { a, b } from 'x';\n",
        ),
        (
            "a.ts",
            (b"", b"const k = 1;\n", b"const k = 2;\n"),
            b"const k = 1;\nconst k = 2;\n",
        ),
        (
            "a.json",
            (b"{}", b'{"a": 1}', b'{"a": 2}'),
            b'{"a": 1, "a": 2}',
        ),
        (
            "a.yml",
            (b"x: 1\n", b"x: 1\na: 1\n", b"x: 1\na: 2\n"),
            b"x: 1\na: 1\na: 2\n",
        ),
        (
            "a.c",
            (b"", b"int f(void) { return 1; }\n", b"int f(void) { return 2; }\n"),
            b"int f(void) { return 1; }\nint f(void) { return 2; }\n",
        ),
        (
            "a.go",
            (b"package a\n", b"package a\nfunc (r *R) F() {}\n", b"package a\nfunc (q *R) F() {}\n"),
            b"package a\nfunc (r *R) F() {}\nfunc (q *R) F() {}\n",
        ),
        (
            "A.java",
            (
                b"class A {}\n",
                b"class A { int f(int a) { return 1; } }\n",
                b"class A { int f(int a) { return 2; } }\n",
            ),
            b"class A { int f(int a) { return 1; } int f(int a) { return 2; } }\n",
        ),
        (
            "a.rs",
            (b"", b"fn f() {}\n", b"fn f() { g() }\n"),
            b"fn f() {}\nfn f() { g() }\n",
        ),
    ],
)
def test_what_neither_side_had_twice_is_caught(make_case, path, versions, result):
    base, _target, agent = versions
    case = make_case(*versions, path=path, head=b"", tail=b"")
    assert "no-duplicates" in case.failed(case.hunk(result, source="rule"))
    twice = make_case(base, result, agent, path=path, head=b"", tail=b"")
    assert "no-duplicates" not in twice.failed(twice.hunk(result, source="rule"))


@pytest.mark.parametrize(
    ("path", "target", "agent", "result"),
    [
        ("A.java", b"class A { int f(int a) { return 1; } }\n", b"class A { int f(String a) { return 2; } }\n",
         b"class A { int f(int a) { return 1; } int f(String a) { return 2; } }\n"),
        ("a.ts", b"class A { f(a: number): void; f(a) {} }\n", b"class A { f(a: string): void; f(a) {} }\n",
         b"class A { f(a: number): void; f(a: string): void; f(a) {} }\n"),
        ("a.py", b"class A:\n    @property\n    def f(self): 1\n    @f.setter\n    def f(self, v): 2\n",
         b"class A:\n    @property\n    def f(self): 1\n    @f.deleter\n    def f(self): 3\n",
         b"class A:\n    @property\n    def f(self): 1\n    @f.setter\n    def f(self, v): 2\n    @f.deleter\n    def f(self): 3\n"),
        ("a.py", b"@overload\ndef f(a: int): ...\n", b"@overload\ndef f(a: str): ...\n",
         b"@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\n"),
        ("a.py", b"if x:\n    def f(): 1\n", b"if y:\n    def f(): 2\n", b"if x:\n    def f(): 1\nif y:\n    def f(): 2\n"),
        ("a.js", b"class A { get f() { return 1; } }\n", b"class A { set f(v) {} }\n", b"class A { get f() { return 1; } set f(v) {} }\n"),
        ("a.rs", b"#[cfg(unix)]\nfn f() {}\n", b"#[cfg(windows)]\nfn f() {}\n", b"#[cfg(unix)]\nfn f() {}\n#[cfg(windows)]\nfn f() {}\n"),
        ("a.c", b"#ifdef A\nint f(void) { return 1; }\n#endif\n", b"#ifdef B\nint f(void) { return 2; }\n#endif\n",
         b"#ifdef A\nint f(void) { return 1; }\n#endif\n#ifdef B\nint f(void) { return 2; }\n#endif\n"),
        ("a.go", b"package a\nfunc init() { a() }\n", b"package a\nfunc init() { b() }\n",
         b"package a\nfunc init() { a() }\nfunc init() { b() }\n"),
        ("a.json", b'[{"a": 1}]', b'[{"a": 2}]', b'[{"a": 1}, {"a": 2}]'),
        ("a.js", b"x(function () { function h() {} });\n", b"y(function () { function h() {} });\n",
         b"x(function () { function h() {} });\ny(function () { function h() {} });\n"),
    ],
)  # fmt: skip
def test_what_the_language_allows_twice_is_no_duplicate(make_case, path, target, agent, result):
    case = make_case(b"", target, agent, path=path, head=b"", tail=b"")
    gate = case.gates(case.hunk(result, source="rule"))["no-duplicates"]
    assert gate.passed, gate.why
