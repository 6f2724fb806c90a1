"""Which files are made by a program and must never be merged as text, and how each is made anew.

* Known by name (lock files, minified code), by the target's `linguist-generated` attribute, or because the first lines
  say so in the words that generators use.
* The attribute decides where it is set or unset: people know their repository better than a list does.
"""

import dataclasses
import fnmatch
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from git_ops import lookup
from git_ops.objects import decode_path, encode_path
from git_ops.process import Git

_HEAD_BYTES = 1024
_SAYS_SO = re.compile(
    rb"@generated\b"
    rb"|(?:auto[- ]?)?generated\b[^\n]{0,200}\n?[^\n]{0,200}\bdo not (?:edit|modify|change)"
    rb"|do not (?:edit|modify|change)[^\n]{0,200}\n?[^\n]{0,200}(?:auto[- ]?)?generated\b",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a generated file comes about."""

    pattern: str
    """Matches the file's name without directories."""
    made_from: tuple[str, ...] = ()
    """Names beside it."""
    command: str = ""
    """What makes it anew; none: nobody knows."""


RECIPES = (
    Recipe(
        pattern="package-lock.json", made_from=("package.json",), command="npm install --package-lock-only"
    ),
    Recipe(
        pattern="npm-shrinkwrap.json", made_from=("package.json",), command="npm install --package-lock-only"
    ),
    Recipe(pattern="yarn.lock", made_from=("package.json",), command="yarn install --mode update-lockfile"),
    Recipe(pattern="pnpm-lock.yaml", made_from=("package.json",), command="pnpm install --lockfile-only"),
    Recipe(pattern="bun.lock", made_from=("package.json",), command="bun install --lockfile-only"),
    Recipe(pattern="bun.lockb", made_from=("package.json",), command="bun install --lockfile-only"),
    Recipe(pattern="deno.lock", made_from=("deno.json",), command="deno install"),
    Recipe(pattern="Cargo.lock", made_from=("Cargo.toml",), command="cargo update --workspace"),
    Recipe(pattern="poetry.lock", made_from=("pyproject.toml",), command="poetry lock"),
    Recipe(pattern="uv.lock", made_from=("pyproject.toml",), command="uv lock"),
    Recipe(pattern="pdm.lock", made_from=("pyproject.toml",), command="pdm lock --update-reuse"),
    Recipe(pattern="Pipfile.lock", made_from=("Pipfile",), command="pipenv lock"),
    Recipe(pattern="pixi.lock", made_from=("pixi.toml", "pyproject.toml"), command="pixi lock"),
    Recipe(pattern="go.sum", made_from=("go.mod",), command="go mod tidy"),
    Recipe(pattern="go.work.sum", made_from=("go.work",), command="go work sync"),
    Recipe(pattern="composer.lock", made_from=("composer.json",), command="composer update --lock"),
    Recipe(pattern="Gemfile.lock", made_from=("Gemfile",), command="bundle lock"),
    Recipe(pattern="gems.locked", made_from=("gems.rb",), command="bundle lock"),
    Recipe(pattern="flake.lock", made_from=("flake.nix",), command="nix flake lock"),
    Recipe(
        pattern="gradle.lockfile",
        made_from=("build.gradle", "build.gradle.kts"),
        command="gradle dependencies --write-locks",
    ),
    Recipe(pattern="buildscript-gradle.lockfile", command="gradle dependencies --write-locks"),
    Recipe(pattern="packages.lock.json", made_from=("*.csproj",), command="dotnet restore --force-evaluate"),
    Recipe(pattern="Podfile.lock", made_from=("Podfile",), command="pod install"),
    Recipe(pattern="Package.resolved", made_from=("Package.swift",), command="swift package resolve"),
    Recipe(pattern="pubspec.lock", made_from=("pubspec.yaml",), command="dart pub get"),
    Recipe(pattern="mix.lock", made_from=("mix.exs",), command="mix deps.get"),
    Recipe(pattern="rebar.lock", made_from=("rebar.config",), command="rebar3 lock"),
    Recipe(pattern="conan.lock", made_from=("conanfile.py", "conanfile.txt"), command="conan lock create ."),
    Recipe(
        pattern="MODULE.bazel.lock",
        made_from=("MODULE.bazel",),
        command="bazel mod deps --lockfile_mode=update",
    ),
    Recipe(pattern=".terraform.lock.hcl", made_from=("*.tf",), command="terraform init -upgrade=false"),
    Recipe(pattern="Chart.lock", made_from=("Chart.yaml",), command="helm dependency update"),
    Recipe(pattern="*.min.js"),
    Recipe(pattern="*.min.css"),
    Recipe(pattern="*.min.mjs"),
    Recipe(pattern="*.js.map"),
    Recipe(pattern="*.css.map"),
)
UNKNOWN_RECIPE = Recipe(pattern="*")


def recipe_for(path: str, content: bytes | None = None, *, declared: bool | None = None) -> Recipe | None:
    """How the file is generated, or none where it is written by people.

    `declared` is what `linguist-generated` says about it; none where it says nothing.
    """
    if declared is False:
        return None
    name = path.rpartition("/")[2]
    for recipe in RECIPES:
        if fnmatch.fnmatchcase(name, recipe.pattern):
            return recipe
    if declared or (content is not None and _SAYS_SO.search(content[:_HEAD_BYTES])):
        return UNKNOWN_RECIPE
    return None


def declared_generated(git: Git, commit: str, paths: Collection[str]) -> dict[str, bool]:
    """What the attribute `linguist-generated` of the commit's `.gitattributes` says, for those it says anything of."""
    folders = {path[:i] for path in paths for i, char in enumerate(path) if char == "/"}
    names = [".gitattributes", *(f"{folder}/.gitattributes" for folder in sorted(folders))]
    files = {path: side for path, side in lookup.sides_at(git, commit, names).items() if side.is_file}
    contents = lookup.read(git, files.values())
    if not any(b"linguist-generated" in content for content in contents.values()):
        return {}
    with tempfile.TemporaryDirectory(prefix="git-attributes-") as folder:
        for path, side in files.items():
            if side.oid in contents and not {"", ".", ".."} & set(path.split("/")):
                place = Path(folder) / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(contents[side.oid])
        asked = b"".join(encode_path(path) + b"\0" for path in paths)
        args = ("check-attr", "-z", "--stdin", "linguist-generated")
        fields = git.replace(work_tree=Path(folder)).run(*args, stdin=asked).stdout.split(b"\0")
    answers = zip(fields[0::3], fields[2::3], strict=False)
    return {decode_path(path): said in {b"set", b"true"} for path, said in answers if said != b"unspecified"}
