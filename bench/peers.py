"""The allocators that are compared, where they are found, and how a program is run on each.

python -m bench.peers             lists them
python -m bench.peers --install   installs those that are missing (Debian packages, as root)
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness import SHOAL, BenchError, main, python_version, run

# Settings of any allocator in the caller's environment would change what is measured.
_SETTINGS = ("LD_PRELOAD", "PYTHONMALLOC", "PYTHONMALLOCSTATS", "GLIBC_TUNABLES", "MALLOCSTATS")
_PREFIXES = ("MALLOC_", "MIMALLOC_", "TCMALLOC_", "SHOAL_", "JEMALLOC_", "_RJEM_")


@dataclass(frozen=True)
class Peer:
    """An allocator under which programs run."""

    name: str
    library: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    python_uses_malloc: bool = True  # PYTHONMALLOC=malloc: else pymalloc stays in between

    def for_program(self) -> dict[str, str]:
        """Return the environment in which a program that is not Python runs on this allocator."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if key not in _SETTINGS and not key.startswith(_PREFIXES)
        }
        if self.library is not None:
            kept["LD_PRELOAD"] = str(self.library)
        return kept | dict(self.settings)

    def for_python(self, seed: int = 0) -> dict[str, str]:
        """Return the environment in which a Python program runs on this allocator.

        `seed` fixes the hashes of strings, so that a round is the same work for everyone.
        """
        environment = self.for_program() | {
            "PYTHONHASHSEED": str(seed),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if self.python_uses_malloc:
            environment["PYTHONMALLOC"] = "malloc"
        return environment


# ---- Where each is found ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """How to find one library: by its soname in Debian's package, or by a function."""

    package: str = ""
    soname: str = ""
    finder: Callable[[str], tuple[Path, str]] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    preloaded: bool = True
    python_uses_malloc: bool = True


def _mimalloc3(_: str) -> tuple[Path, str]:
    """Find mimalloc 3 in the Python package cmeel-mimalloc in this interpreter."""
    try:
        package = importlib.metadata.distribution("cmeel-mimalloc")
    except importlib.metadata.PackageNotFoundError:
        raise BenchError("mimalloc3: pip install -r bench/requirements.txt") from None
    for entry in package.files or ():
        if entry.name == "libmimalloc.so.3":
            return Path(str(entry.locate())).resolve(), f"cmeel-mimalloc {package.version}"
    raise BenchError(f"mimalloc3: no libmimalloc.so.3 in cmeel-mimalloc {package.version}")


def _shoal(python: str) -> tuple[Path, str]:
    """Find the library of the Shoal that is installed in the interpreter to be measured.

    SHOAL_LIBRARY in the environment names another build.
    """
    if named := os.environ.get("SHOAL_LIBRARY"):
        path = Path(named).resolve()
        if not path.is_file():
            raise BenchError(f"SHOAL_LIBRARY: {named}: no such file")
        return path, "SHOAL_LIBRARY"
    python_version(python)  # it is an interpreter
    code = "import shoal; print(shoal.library_path())"
    try:
        path = Path(run([python, "-c", code], Peer("plain").for_program()).strip())
    except BenchError:
        raise BenchError(
            f"shoal is not installed in {python}: '{python} -m pip install .'"
        ) from None
    return path, "this tree"


_NO_DECAY = {"MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}

_SOURCES: dict[str, _Source] = {
    "pymalloc": _Source(preloaded=False, python_uses_malloc=False),
    SHOAL: _Source(finder=_shoal, python_uses_malloc=False),
    "glibc": _Source(preloaded=False),
    "jemalloc": _Source("libjemalloc2", "libjemalloc.so.2"),
    "jemalloc-decay0": _Source("libjemalloc2", "libjemalloc.so.2", settings=_NO_DECAY),
    # On request: a thread of jemalloc's own gives back where the program calls nobody.
    "jemalloc-background": _Source(
        "libjemalloc2", "libjemalloc.so.2", settings={"MALLOC_CONF": "background_thread:true"}
    ),
    # On request, as mimalloc3-large: pages of 2 MiB where the system has them; see bench/large.
    "jemalloc-thp": _Source(
        "libjemalloc2", "libjemalloc.so.2", settings={"MALLOC_CONF": "thp:always"}
    ),
    "tcmalloc": _Source("libtcmalloc-minimal4", "libtcmalloc_minimal.so.4"),
    "mimalloc2": _Source("libmimalloc2.0", "libmimalloc.so.2"),
    "mimalloc3": _Source(finder=_mimalloc3),
    "mimalloc3-large": _Source(finder=_mimalloc3, settings={"MIMALLOC_ALLOW_LARGE_OS_PAGES": "1"}),
    # Not a peer: what releasing costs is measured against it.
    "shoal-never": _Source(
        finder=_shoal, settings={"SHOAL_RELEASE": "never"}, python_uses_malloc=False
    ),
    # Not a peer: what pages of 2 MiB gain is measured against it.
    "shoal-huge": _Source(finder=_shoal, settings={"SHOAL_HUGE": "1"}, python_uses_malloc=False),
    # On request: the service calls compact() between requests; see service/gunicorn_conf.py.
    "shoal-compact": _Source(
        finder=_shoal, settings={"SERVICE_COMPACT": "0.01"}, python_uses_malloc=False
    ),
}

KNOWN = tuple(_SOURCES)
_ON_REQUEST = (
    "jemalloc-background", "jemalloc-thp", "mimalloc3-large", "shoal-never", "shoal-huge",
    "shoal-compact",
)  # fmt: skip
ALL = tuple(name for name in KNOWN if name not in _ON_REQUEST)
FOR_PROGRAMS = tuple(name for name in ALL if name != "pymalloc")


def _linked(soname: str) -> Path | None:
    """Return the file that the dynamic linker takes for a soname."""
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    listing = run([ldconfig or "ldconfig", "-p"], os.environ)
    for line in listing.splitlines():
        name, _, path = line.strip().partition(" => ")
        if name.split(" ")[0] == soname:
            return Path(path).resolve()
    return None


def _debian_version(package: str) -> str:
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    try:
        return run(query, os.environ).strip()
    except (BenchError, OSError):
        return "of unknown version"


def find(name: str, python: str = sys.executable) -> Peer:
    """Find one allocator by name; BenchError when the name or the library is not known."""
    if name not in _SOURCES:
        raise BenchError(f"unknown allocator '{name}'; known: {', '.join(_SOURCES)}")
    source = _SOURCES[name]
    library: Path | None = None
    origin = "built in"
    if source.finder is not None:
        library, origin = source.finder(python)
    elif source.preloaded:
        library = _linked(source.soname)
        if library is None:
            raise BenchError(
                f"{name}: {source.soname} is missing: apt-get install {source.package}"
            )
        origin = f"{source.package} {_debian_version(source.package)}"
    return Peer(name, library, source.settings, origin, source.python_uses_malloc)


def find_all(names: Sequence[str] | None = None, python: str = sys.executable) -> list[Peer]:
    """Find the allocators named, or all. Every one must be there: a table with holes misleads."""
    return [find(name, python) for name in (ALL if names is None else names)]


def versions(peers: Sequence[Peer]) -> dict[str, str]:
    """Say where each allocator is from, for the top of a file of raw data."""
    listed = "; ".join(f"{peer.name}: {peer.origin}" for peer in peers)
    return {"allocators": listed}


def prove(peer: Peer, python: str) -> None:
    """Raise BenchError unless a Python program under `peer` really runs on it."""
    run(worker(python, "proof", *proof_of(peer)), peer.for_python())


def worker(python: str, name: str, *arguments: str) -> list[str]:
    """Return the command that runs a program of bench/workers, in the root of the tree."""
    return [python, "-m", f"bench.workers.{name}", *arguments]


def proof_of(peer: Peer) -> list[str]:
    """Return the arguments with which a worker proves that it runs on `peer`."""
    return [str(peer.library or ""), str(int(peer.name == "pymalloc"))]


def install() -> None:
    """Install the Debian packages that are missing, and says so."""
    missing = sorted(
        {s.package for s in _SOURCES.values() if s.package and _linked(s.soname) is None}
    )
    if not missing:
        return
    print(f"installing Debian packages: {' '.join(missing)}")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    updated = subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False).returncode
    if updated or subprocess.run(command, env=quiet, check=False).returncode:
        raise BenchError(f"{' '.join(command)}: failed; run it as root")


def _main() -> None:
    options = argparse.ArgumentParser(description="The allocators that the benchmarks compare.")
    options.add_argument("--install", action="store_true", help="install those that are missing")
    options.add_argument("--python", default=sys.executable, metavar="PATH",
                         help="the interpreter in which Shoal is installed")  # fmt: skip
    chosen = options.parse_args()
    if chosen.install:
        install()
    for name in _SOURCES:
        try:
            peer = find(name, chosen.python)
            prove(peer, chosen.python)
            print(f"{name:16} {peer.library or '-'}  ({peer.origin})")
        except BenchError as error:
            print(f"{name:16} missing: {error}")


if __name__ == "__main__":
    main(_main)
