"""Debian's packages, unpacked into a folder: nothing is installed, and no right is needed.

They are had by an apt with a configuration of its own, which knows one suite and one
architecture, and nothing of what the machine has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotToBeHadError(Exception):
    """Says in one line why there are no such packages, or no such programs."""


def run(
    *command: str | Path, environment: dict[str, str] | None = None, folder: Path | None = None
) -> str:
    """Return what ``command`` prints, run in ``folder``.

    Raises
    ------
    NotToBeHadError
        It is not there, or it fails: with the last line that it said.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise NotToBeHadError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it failed").splitlines()
        raise NotToBeHadError(f"{command[0]}: {said[-1]}")
    return done.stdout


def mirror() -> str:
    """Return the address that the machine has Debian's packages from."""
    said = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    for address in said.splitlines():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise NotToBeHadError("apt-get: this machine has no packages of Debian's")


def configuration(folder: Path, suite: str, architecture: str, kind: str) -> Path:
    """Write an apt into ``folder`` that knows a suite and nothing of the machine.

    ``kind`` is "deb", for packages, or "deb-src", for what they are built from.
    """
    if not KEYS.is_file():
        raise NotToBeHadError(f"{KEYS}: the keys of Debian's archive are not there")
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources").write_text(f"{kind} [signed-by={KEYS}] {mirror()} {suite} main\n")
    written = folder / "apt.conf"
    written.write_text(
        f'APT::Architecture "{architecture}";\n'
        f'APT::Architectures {{"{architecture}";}};\n'
        f'Dir::State "{folder}";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}";\n'
        f'Dir::Etc::sourcelist "{folder}/sources";\n'
        'Dir::Etc::sourceparts "-";\n'
        'Acquire::Languages "none";\n'
        'APT::Sandbox::User "";\n'
    )
    return written


def own_architecture() -> str:
    """Return Debian's name of this machine's architecture."""
    return run("dpkg", "--print-architecture").strip()


def begin(folder: Path, suite: str, architecture: str, kind: str = "deb") -> dict[str, str]:
    """Make an apt in ``folder`` that knows what there is, and return its environment."""
    shutil.rmtree(folder, ignore_errors=True)
    environment = {"APT_CONFIG": str(configuration(folder, suite, architecture, kind))}
    run("apt-get", "update", "--error-on=any", environment=environment)
    return environment


def unpack(
    names: Collection[str],
    home: Path,
    suite: str,
    architecture: str | None = None,
    without: Collection[str] = (),
) -> None:
    """Bring packages and all that they need into ``home``.

    Parameters
    ----------
    names
        The packages.
    home
        The folder that becomes the root of their files.
    suite
        What Debian calls the release that they are of.
    architecture
        Debian's name of one; that of this machine, if there is none.
    without
        Packages that come along and are not to be unpacked.
    """
    folder = home / "apt"
    environment = begin(folder, suite, architecture or own_architecture())
    options = ("--yes", "--no-install-recommends", "--download-only")
    run("apt-get", "install", *options, *names, environment=environment)
    for package in sorted((folder / "archives").glob("*.deb")):
        if package.name.partition("_")[0] not in without:
            run("dpkg-deb", "--extract", package, home)
    shutil.rmtree(folder)


def source(name: str, home: Path, suite: str) -> Path:
    """Bring what a package is built from, as its authors gave it, into ``home``; return where."""
    folder = home / "apt"
    environment = begin(folder, suite, own_architecture(), "deb-src")
    run("apt-get", "source", "--download-only", name, environment=environment, folder=folder)
    archives = list(folder.glob(f"{name}_*.orig.tar.*[!asc]"))
    if not archives:
        raise NotToBeHadError(f"{name}: its sources are not in Debian's {suite}")
    run("tar", "-xf", archives[0], "-C", home)
    shutil.rmtree(folder)
    return next(home.glob(f"{name}-*"))
