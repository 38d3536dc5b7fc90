"""The wheels that `make wheels` builds are those that pip looks for on supported Pythons."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import parse_tag, sys_tags

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def listed():
    command = [sys.executable, str(ROOT / "tools" / "wheels.py"), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_each_supported_version_has_one_for_each_machine(listed):
    classified = re.findall(r":: Python :: 3\.(\d+)\"", (ROOT / "pyproject.toml").read_text())
    assert len(classified) >= 5
    machines = ("x86_64", "aarch64")
    assert listed == [
        f"cp3{minor}-cp3{minor}-manylinux_2_28_{machine}"
        for minor in classified
        for machine in machines
    ]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no wheel for it")
def test_pip_takes_the_one_of_this_interpreter(listed):
    here = set(sys_tags())
    fitting = [tag for tag in listed if parse_tag(tag) & here]
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert fitting == [f"{python}-{python}-manylinux_2_28_{platform.machine()}"]


def test_a_wheel_that_there_is_not_is_refused():
    command = [sys.executable, str(ROOT / "tools" / "wheels.py"), "cp27-vax"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "wheels.py: error: no such wheel: cp27-vax"
