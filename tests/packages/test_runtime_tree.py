"""What of the wheels becomes the libraries of the package."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "deb" / "runtime_tree.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("runtime_tree", str(SCRIPT))
    module = ModuleType(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


def compiled(file: Path, machine: int) -> None:
    file.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + bytes(44))


def test_without_pip_and_uv_it_is_said_what_to_install(tmp_path: Path) -> None:
    """As Debian's Python comes: a module that is None cannot be found."""
    start = f"import sys, runpy; sys.modules['pip'] = None; sys.argv[1:] = ['{tmp_path}/tree']; "
    done = subprocess.run(
        [sys.executable, "-c", f"{start}runpy.run_path('{SCRIPT}', run_name='__main__')"],
        env={"PATH": "", "UV": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "install python3-pip" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_packaged_that_was_compiled_for_another_processor(
    script: ModuleType, tmp_path: Path
) -> None:
    compiled(tmp_path / "one.so", 183)
    (tmp_path / "plain.py").write_text("")
    script.check_machines(tmp_path, "arm64")
    compiled(tmp_path / "other.so.1", 62)
    with pytest.raises(SystemExit, match=r"other\.so\.1 is not for arm64"):
        script.check_machines(tmp_path, "arm64")


def test_tests_sources_and_other_languages_are_left_out_and_licences_stay(script: ModuleType) -> None:
    left_out = [
        "/yaml/tests/test.py", "/lib/fast.pyx", "/multidict/_testcapi.cpython-311-x86_64-linux-gnu.so",
        "/django/conf/locale/fi/LC_MESSAGES/django.mo", "/django/contrib/admin/static/admin/js/core.js",
    ]  # fmt: skip
    kept = [
        "/django/test/client.py",
        "/django/conf/locale/de/formats.py",
        "/idna-3.dist-info/licenses/LICENSE",
    ]
    assert [name for name in left_out if script.is_needed(name)] == []
    assert [name for name in kept if not script.is_needed(name)] == []
