"""What meson is told to build for another machine, or for an older C library than this one's.

The compiler is ziglang's, from PyPI: it carries the stubs of the C libraries of old.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CannotBuildError(Exception):
    """Says in one line why something is not built."""


def compiler() -> Path:
    """Return the program of ziglang itself: through its module each call takes twice as long."""
    found = find_spec("ziglang")
    if not found or not found.origin:
        raise CannotBuildError(f"no ziglang in {sys.prefix}: `make wheels` installs it")
    return Path(found.origin).with_name("zig")


def float_headers(folder: Path) -> Path:
    """Make ``folder`` one of nothing but the headers of floats: they are of no machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pattern in (("dragonbox", "dragonbox*/dragonbox"), ("fast_float", "fast_float")):
        found = sorted(Path("/usr/include").glob(pattern))
        if not found:
            raise CannotBuildError(
                f"no headers of {name}: install libdragonbox-dev and libfast-float-dev"
            )
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(found[-1])
    return folder


def quoted(*words: object) -> str:
    """Return words as meson writes a list."""
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def write_once(file: Path, lines: list[str]) -> Path:
    """Write lines to a file and return it; where it has them it stays as old as it is."""
    text = "".join(f"{line}\n" for line in lines)
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file


def write(
    file: Path,
    machine: str,
    glibc: str,
    headers: Path,
    arguments: tuple[str, ...] = (),
    emulator: tuple[str, ...] = (),
    root: Path | None = None,
) -> Path:
    """Write ``file``, unless it says so already, and return it.

    Parameters
    ----------
    file
        What ``meson setup --cross-file`` is given.
    machine
        Whose programs are built, as the kernel calls it.
    glibc
        The oldest C library that they are to run on.
    headers
        A folder of those that are not the compiler's.
    arguments
        More of them for the C compiler.
    emulator
        The command that runs such programs; none of them runs without.
    root
        The folder that has their libraries, where there are more than C's.
    """
    zig, target = compiler(), ("-target", f"{machine}-linux-gnu.{glibc}")
    lines = [
        "[binaries]",
        f"c = {quoted(zig, 'cc', *target)}",
        f"cpp = {quoted(zig, 'c++', *target)}",
        f"ar = {quoted(zig, 'ar')}",
        f"ranlib = {quoted(zig, 'ranlib')}",
        "pkg-config = 'pkg-config'",
        *([f"exe_wrapper = {quoted(*emulator)}"] if emulator else []),
        "[built-in options]",
        f"c_args = {quoted('-isystem', headers, *arguments)}",
        f"cpp_args = {quoted('-isystem', headers)}",
        "c_link_args = ['-s']",
        "cpp_link_args = ['-s', '-nostdlib++']",  # it would be built first, for minutes
        "[properties]",
        "needs_exe_wrapper = true",
        *([f"sys_root = '{root}'"] if root else []),
        *([f"pkg_config_libdir = '{root}/usr/lib/{machine}-linux-gnu/pkgconfig'"] if root else []),
        "[host_machine]",
        "system = 'linux'",
        f"cpu_family = '{machine}'",
        f"cpu = '{machine}'",
        "endian = 'little'",
    ]
    return write_once(file, lines)
