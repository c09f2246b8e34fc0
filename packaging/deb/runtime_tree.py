"""Makes one folder of libraries that Python 3.11, 3.12 and 3.13 can all import from, or one of them alone.

The names of compiled modules carry the version of Python that they are for, and everything else is the same
for all, so the trees of several versions can lie over each other. What would clash is an error.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
from email.parser import HeaderParser
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT: Final = Path(__file__).resolve().parents[2]
PYTHONS: Final = ("3.11", "3.12", "3.13")
PLATFORMS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
# Of the C library 2.N: wheels for any of these run on the oldest of the systems, which has 2.36.
GLIBC: Final = range(17, 35)
# As the heads of compiled files name them.
MACHINES: Final = {"amd64": 62, "arm64": 183}
# What serves a development server alone is not packaged, nor what only that needs.
LEFT_OUT: Final = frozenset({"daphne"})
LANGUAGES: Final = frozenset({"en", "de", "fr"})
# Sources, tests and what only installers read. Licences, and what says a version, stay.
NOT_NEEDED: Final = re.compile(
    r"/(tests?|testing|__pycache__)/"
    r"|\.(c|cc|cpp|h|hpp|pyx|pxd|pxi|po|pot|a|o)$"
    r"|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|WHEEL|sboms/.*)$"
    r"|/\.(git(ignore|attributes|keep)|lock)$"
    r"|/_testcapi\.[^/]+\.so$"
    r"|^/django/contrib/admin/static/|^/django/conf/(app|project)_template/"
    r"|^/(bin|share|include)/"
)
# Named like tests, but imported when the library is.
NEEDED: Final = re.compile(r"^/django/test/|^/channels/testing/|^/django_q/tests/__init__\.py$")
LOCALE: Final = re.compile(r"/locale/([A-Za-z]+)[^/]*/")
NAME: Final = re.compile(r"[-_.]+")


def main() -> None:
    """Makes the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--arch", choices=sorted(PLATFORMS), default="amd64")
    parser.add_argument("--python", choices=PYTHONS, help="for this one alone")
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True)
    pythons = (arguments.python,) if arguments.python else PYTHONS
    for version in pythons:
        single = arguments.target.with_name(f"{arguments.target.name}-{version}")
        install(single, version, PLATFORMS[arguments.arch])
        lay_over(single, arguments.target)
        shutil.rmtree(single)
    remove_unreferenced(arguments.target, pythons)
    make_tidy(arguments.target)
    check_machines(arguments.target, arguments.arch)


def install(target: Path, version: str, platform: str) -> None:
    """All locked libraries, with their hashes, for one version of Python: by uv, or else by pip.

    Ends with what is missing where there is neither.
    """
    uv = shutil.which(os.environ.get("UV", "uv"))
    if uv:
        command = [uv, "pip", "install", "--python-platform", f"{platform}-manylinux_2_{GLIBC[-1]}"]
        command += ["--link-mode", "copy"]
    elif find_spec("pip") is None:
        sys.exit("libraries are fetched by pip or by uv: install python3-pip, or set UV to where uv is")
    else:
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]
        for kind in (*(f"manylinux_2_{minor}" for minor in reversed(GLIBC)), "manylinux2014"):
            command += ["--platform", f"{kind}_{platform}"]
    command += ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--python-version", version, "--target", str(target)]
    subprocess.run([*command, "-r", str(PROJECT / "requirements.lock")], check=True)


def lay_over(source: Path, target: Path) -> None:
    """Moves what is needed of one tree into another; a file that both have must be the same."""
    for file in files(source):
        name = "/" + str(file.relative_to(source))
        if not is_needed(name):
            continue
        place = target / name[1:]
        if place.exists() and not filecmp.cmp(file, place, shallow=False):
            sys.exit(f"{name} is not the same for all versions of Python")
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)


def is_needed(name: str) -> bool:
    """Whether a server reads the file; `name` starts with a slash."""
    language = LOCALE.search(name)
    if language and language[1].lower() not in LANGUAGES:
        return False
    return not NOT_NEEDED.search(name) or bool(NEEDED.search(name))


def files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in order."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def remove_unreferenced(tree: Path, pythons: tuple[str, ...]) -> None:
    """Removes the libraries that are only needed by those that are left out."""
    sys.path.insert(0, str(tree))  # it has the library that understands requirements
    wanted = closure(tree, pythons)
    for information in sorted(tree.glob("*.dist-info")):
        name = normal(information.name.partition("-")[0])
        if name not in wanted:
            remove(tree, information)


def remove(tree: Path, information: Path) -> None:
    """Removes the modules of one library by its metadata: top-level names as its own files tell them."""
    names = MODULES.get(normal(information.name.partition("-")[0]))
    if names is None:
        sys.exit(f"say in MODULES which modules {information.name} has: nothing needs it")
    shutil.rmtree(information)
    for name in names:
        for path in [tree / name, *tree.glob(f"{name}.*.so"), *tree.glob(f"{name}.py")]:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


# The modules of libraries that are removed.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "async-timeout": ("async_timeout",),
    "autobahn": ("autobahn", "_nvx_utf8validator", "_nvx_xormasker", "flatbuffers"),
    "automat": ("automat",),
    "constantly": ("constantly",),
    "daphne": ("daphne",),
    "hyperlink": ("hyperlink",),
    "incremental": ("incremental",),
    "msgpack": ("msgpack",),
    "packaging": ("packaging",),
    "service-identity": ("service_identity",),
    "twisted": ("twisted",),
    "txaio": ("txaio",),
    "ujson": ("ujson", "ujson-stubs"),
    "zope-interface": ("zope",),
}


def closure(tree: Path, pythons: tuple[str, ...]) -> set[str]:
    """The libraries that Hearth's own requirements lead to, under any of these versions of Python."""
    from packaging.requirements import Requirement

    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines if (text := line.partition("#")[0].strip())]
    waiting = [
        (normal(item.name), item.extras) for item in map(Requirement, texts) if item.name not in LEFT_OUT
    ]
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        found.add(name)
        for text in required_by(tree, name):
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate(
                    {"extra": extra, "python_version": version, "python_full_version": f"{version}.2"}
                )
                for extra, version in product(extras or {""}, pythons)
            ):
                waiting.append((normal(needed.name), needed.extras))
    return found


def required_by(tree: Path, name: str) -> list[str]:
    """What a library says that it requires."""
    for information in tree.glob("*.dist-info"):
        if normal(information.name.partition("-")[0]) == name:
            text = (information / "METADATA").read_text(encoding="utf-8")
            return HeaderParser().parsestr(text).get_all("Requires-Dist") or []
    return []


def normal(name: str) -> str:
    """A library's name as all its spellings have it in common."""
    return NAME.sub("-", name).lower()


def make_tidy(tree: Path) -> None:
    """Plain modes, no first lines that name a Python, no empty folders."""
    for file in files(tree):
        file.chmod(0o644)
        if file.suffix == ".py" and file.read_bytes().startswith(b"#!"):
            file.write_bytes(b"#" + file.read_bytes()[2:])
    for folder in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
        folder.chmod(0o755)
        if not any(folder.iterdir()):
            folder.rmdir()


def check_machines(tree: Path, architecture: str) -> None:
    """Ends the build when something compiled is for another processor: no wheel may be taken for another."""
    for file in files(tree):
        head = file.open("rb").read(20)
        if head[:4] == b"\x7fELF" and int.from_bytes(head[18:20], "little") != MACHINES[architecture]:
            sys.exit(f"{file.relative_to(tree)} is not for {architecture}")


if __name__ == "__main__":
    main()
