"""What README and docs name exists: commands, options, extras, files, variables, names."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / name for name in ("src/README.md", "tests/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
FOLDERS = ("bench", "docs", "examples", "fuzz", "include", "python", "src", "tests", "tools")

# ---- What there is -------------------------------------------------------------------

FOREIGN_OPTIONS = {
    "--cap-add": "docker",
    "--memray": "pytest-memray",
    "--cov": "pytest-cov",
    "--prefix": "meson",
    "--suite": "meson",
    "--python": "tests/cpython/run_suite.py",
    "--only": "bench.run",
}
"""Options of other programs, and whose they are."""

OF_OTHERS = {"app.py", "script.py", "memory_profiler.py", "Python.h"}
"""Files that are the reader's, or CPython's."""

SUBCOMMANDS = {
    "flat": ("head", "count", "check", "convert"),
    "mprof": ("run", "attach", "rm", "clean", "list", "plot", "peak", "rerun"),
}


@cache
def help_of(*command: str) -> str:
    """Return the help of a command of ours, or "" if there is none such."""
    start = ["-m", "pytest"] if command[0] == "pytest" else ["-m", *command[:1]]
    done = subprocess.run(
        [sys.executable, *start, *command[1:], "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
    )
    return done.stdout if done.returncode == 0 else ""


@cache
def commands() -> list[str]:
    """Return the commands of ``shoal``."""
    listed = re.findall(r"^    (\w+) ", help_of("shoal"), re.MULTILINE)
    assert {"run", "profile", "inspect", "top", "mprof", "flat", "advise"} <= set(listed)
    return listed


def options_in(text: str) -> set[str]:
    """Return the options that a help names."""
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", text))


@cache
def all_options() -> set[str]:
    """Return the options of all commands of ours."""
    found = options_in(help_of("shoal")) | set(FOREIGN_OPTIONS)
    for command in commands():
        found |= options_in(help_of("shoal", command))
        for inner in SUBCOMMANDS.get(command, ()):
            found |= options_in(help_of("shoal", command, inner))
    for module in ("shoal.memory_profiler", "shoal.pickle"):
        found |= options_in(help_of(module))
    return found | options_in(help_of("pytest"))


@cache
def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def extras() -> set[str]:
    """Return the extras of the package."""
    text = (ROOT / "pyproject.toml").read_text()
    part = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^(\w+) =", part, re.MULTILINE))


@cache
def names_of_files() -> set[str]:
    """Return the base names of all files of the project."""
    return {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*")} | {
        path.name for path in ROOT.iterdir()
    }


@cache
def sources() -> str:
    """Return the text in which variables of the environment are looked for."""
    found = [ROOT / "Makefile", ROOT / "meson.options"]
    for folder in ("python", "src", "tools", "tests", "bench"):
        found += [
            path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".c", ".sh")
        ]
    return "\n".join(path.read_text() for path in found if path.name != Path(__file__).name)


# ---- What is named -------------------------------------------------------------------


def inline_code(text: str) -> Iterator[str]:
    """Yield what is in backticks outside of blocks of code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^    .*$", "", prose, flags=re.MULTILINE)
    for found in re.findall(r"`([^`]+)`", prose):
        yield " ".join(found.split()).replace("\\|", "|")


def lines_of_blocks(text: str) -> Iterator[str]:
    """Yield the lines of blocks of code, without a prompt and a comment."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^    (.*)$", outside, re.MULTILINE):
        yield re.sub(r"\s#.*$", "", line.removeprefix("$ "))


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield what looks like a command line of ours, as its words."""
    for line in [*inline_code(text), *lines_of_blocks(text)]:
        for part in re.split(r"&&|(?<!\w)\|(?!\w)", line):
            try:
                words = shlex.split(part.strip())
            except ValueError:
                continue
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words[:2] == ["python", "-m"] and len(words) > 2:
                words = words[2:]
            if (words and words[0] in ("shoal", "mprof", "pytest", "make")) or (
                words
                and re.fullmatch(r"shoal\.(mprof|pickle|memory_profiler)", words[0])
                and not re.search("=|import", part)
            ):
                yield words


def wrong_with(words: list[str]) -> str:
    """Return what is wrong with a command line, "" if nothing is."""
    program, rest = words[0], words[1:]
    if program == "make":
        named = [word for word in rest if re.fullmatch(r"[a-z-]+", word)]
        return "".join(f"no target {name}" for name in named[:1] if name not in targets())
    if program in ("mprof", "shoal.mprof"):
        program, rest = "shoal", ["mprof", *rest]
    command: tuple[str, ...] = (program,)
    if program == "shoal" and rest and not rest[0].startswith("-"):
        if not re.fullmatch(r"[a-z]+", rest[0]):
            return ""  # `shoal COMMAND`
        if rest[0] not in commands():
            return f"no command {rest[0]}"
        command = ("shoal", rest[0])
        inner = rest[1] if len(rest) > 1 else ""
        for name in inner.split("|") if rest[0] in SUBCOMMANDS else ():
            if re.fullmatch(r"[a-z]+", name) and not help_of(*command, name):
                return f"no command {rest[0]} {name}"
            if re.fullmatch(r"[a-z]+", name):
                command = ("shoal", rest[0], name)
    known = options_in(help_of(*command)) | set(FOREIGN_OPTIONS)
    for word in rest:
        option = re.match(r"\[?(--[a-z][\w-]*)", word)
        if option and option[1] not in known:
            return f"no option {option[1]}"
    return ""


# ---- Tests ----------------------------------------------------------------------------

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


@each_document
def test_commands_and_their_options_exist(document: Path) -> None:
    wrong = {" ".join(words): wrong_with(words) for words in command_lines(document.read_text())}
    assert {line: why for line, why in wrong.items() if why} == {}


@each_document
def test_options_exist(document: Path) -> None:
    named = set()
    for code in inline_code(document.read_text()):
        option = re.match(r"(--[a-z][\w-]+)", code)
        named |= {option[1]} if option else set()
    assert named - all_options() == set()


@each_document
def test_extras_exist(document: Path) -> None:
    named = re.findall(r"shoal\[([\w,]+)\]", document.read_text())
    assert {extra for some in named for extra in some.split(",")} <= extras()


@each_document
def test_files_exist(document: Path) -> None:
    text = document.read_text()
    missing = []
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in link and not (document.parent / link).exists():
            missing.append(link)
    for code in inline_code(text):
        word = code.partition(" ")[0]
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", word):
            if not (ROOT / word).exists() and not (document.parent / word).exists():
                missing.append(word)
        elif re.fullmatch(r"[\w/.-]+\.(?:c|h|cc|py|sh|build|options|toml|md)", word):
            name = word.rpartition("/")[2]
            if name not in names_of_files() | OF_OTHERS and not word.startswith("/"):
                missing.append(word)
    assert missing == []


@each_document
def test_variables_exist(document: Path) -> None:
    named = re.findall(r"\bSHOAL_[A-Z]+(?:_[A-Z]+)*\b", document.read_text())
    assert {name for name in named if name not in sources()} == set()


@each_document
def test_names_of_the_package_exist(document: Path) -> None:
    wrong = []
    for code in inline_code(document.read_text()):
        found = re.fullmatch(r"(shoal(?:\.[A-Za-z_]\w*)+)(?:\(.*\))?((?:\.[a-z_]+)*)", code)
        if not found or code.endswith((".py", ".so", ".a", ".h")):
            continue
        if not _is_there(found[1]):
            wrong.append(code)
    assert wrong == []


def _is_there(dotted: str) -> bool:
    """Say whether a module, or an attribute of one, has this name."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@each_document
def test_no_paragraph_is_there_twice(document: Path) -> None:
    parts = document.read_text().split("\n\n")
    paragraphs = [part for part in parts if len(part) > 100 and not part.startswith("|")]
    assert {part for part in paragraphs if paragraphs.count(part) > 1} == set()


@each_document
def test_a_least_version_says_or_later(document: Path) -> None:
    text = " ".join(document.read_text().split())
    needs = re.findall(r"needs? (?:CPython|Python) 3\.\d+[^.;)]{0,12}", text)
    assert [need for need in needs if "or later" not in need] == []


def test_the_check_finds_what_is_wrong() -> None:
    for line, why in (
        ("shoal inspekt 4711", "no command inspekt"),
        ("shoal inspect 4711 --watch 10", ""),
        ("shoal inspect 4711 --wach 10", "no option --wach"),
        ("python -m shoal.pickle --jsn FILE", "no option --jsn"),
        ("shoal flat had a.flat", "no command flat had"),
        ("mprof peek", "no command mprof peek"),
        ("make demos", "no target demos"),
        ("pytest --shoal-bottom 3", "no option --shoal-bottom"),
    ):
        (words,) = command_lines(f"see `{line}`")
        assert wrong_with(words) == why
    assert not _is_there("shoal.usages") and not _is_there("shoal.flat.nothing")
    assert _is_there("shoal.flat.columns") and _is_there("shoal.usage")
    assert "profile" not in extras() and "plot" in extras()
