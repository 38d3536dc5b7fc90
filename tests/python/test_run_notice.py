"""`shoal run` says in one line when the program keeps its own allocator, and never else."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from shoal import _run

PROGRAMS = Path(__file__).parents[1] / "preload" / "programs"
PYTHON = sys.executable
DEBUG = (
    "runs on Python's debug allocator, so objects will not be Shoal's: "
    "start it without -X dev, PYTHONDEVMODE and PYTHONMALLOC"
)
OTHER = "so objects will not be Shoal's: start it without PYTHONMALLOC"


def warned(done, reason, program=PYTHON):
    """Check that the program ran, and that this was said of it, once."""
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == f"shoal run: warning: {program} {reason}\n"


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


# ---- Python has another allocator ---------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        [PYTHON, "-X", "dev", "-c", "print('ran')"],
        ["env", PYTHON, "-X", "dev", "-c", "print('ran')"],
        ["env", "PYTHONMALLOC=debug", PYTHON, "-c", "print('ran')"],
        ["env", "PYTHONMALLOC=malloc_debug", PYTHON, "-c", "print('ran')"],
        ["env", "PYTHONDEVMODE=1", PYTHON, "-S", "-c", "print('ran')"],
        ["sh", "-c", f"exec {PYTHON} -X dev -c \"print('ran')\""],
    ],
)
def test_the_debug_allocator(shoal, command):
    warned(shoal("run", "--", *command), DEBUG)


def test_pymalloc(shoal):
    command = ["env", "PYTHONMALLOC=pymalloc", PYTHON, "-c", "print('ran')"]
    warned(shoal("run", "--", *command), f"runs on the allocator pymalloc, {OTHER}")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="older Pythons have no mimalloc")
def test_mimalloc(shoal):
    command = ["env", "PYTHONMALLOC=mimalloc", PYTHON, "-c", "print('ran')"]
    warned(shoal("run", "--", *command), f"runs on the allocator mimalloc, {OTHER}")


@pytest.mark.parametrize(
    "command",
    [
        ["env", "PYTHONMALLOC=pymalloc", "PYTHONDEVMODE=1", PYTHON, "-I", "-c", "print('ran')"],
        ["env", "PYTHONMALLOC=malloc", PYTHON, "-c", "print('ran')"],  # which is Shoal's
        [PYTHON, "-X", "tracemalloc", "-c", "print('ran')"],
        ["env", "PYTHONTRACEMALLOC=9", PYTHON, "-c", "print('ran')"],
        ["sh", "-c", "echo ran"],
        ["echo", "ran"],
    ],
)
def test_nothing_is_said_when_all_is_well(shoal, command):
    silent(shoal("run", "--", *command))


def test_an_ignored_variable_is_not_spoken_of(shoal):
    silent(shoal("run", "--", "echo", "ran", env={"PYTHONDEVMODE": "1"}))


@pytest.mark.parametrize("start", ["subprocess.run", "os.execv"])
def test_what_the_program_starts_is_not_spoken_of(shoal, start):
    then = f"{start}([{PYTHON!r}, '-X', 'dev', '-c', 'print(\"ran\")'])"
    if start == "os.execv":
        then = then.replace("([", f"({PYTHON!r}, [")
    silent(shoal("run", "-c", f"import os, subprocess; {then}"))
    command = f"{PYTHON} -X dev -c \"print('ran')\"; true"
    silent(shoal("run", "--", "sh", "-c", command))


def test_it_is_said_once(shoal):
    again = "os.execv(sys.executable, [sys.executable, '-X', 'dev', '-c', 'print(\"ran\")'])"
    code = f"import os, sys; {again}"
    warned(shoal("run", "--", PYTHON, "-X", "dev", "-c", code), DEBUG)


def test_the_program_does_not_see_that_it_was_asked(shoal):
    code = "import os, subprocess; assert 'SHOAL_RUN' not in os.environ\n"
    code += "assert b'SHOAL_RUN' not in subprocess.check_output('env'); print('ran')"
    silent(shoal("run", "-c", code))


CLOSED = {
    "closed": "2>&-",
    "a full disk": "2>/dev/full",
    "read only": "2</dev/null",
}


@pytest.mark.parametrize("how", CLOSED)
def test_standard_error_that_takes_nothing(tmp_path, how):
    target = f"{PYTHON} -X dev -c \"print('ran')\" {CLOSED[how]}"
    command = [PYTHON, "-m", "shoal", "run", "--", "sh", "-c", f"exec {target}"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "ran\n")


def test_standard_error_that_nobody_reads(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [PYTHON, "-m", "shoal", "run", "--", PYTHON, "-X", "dev", "-c", "print('ran')"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=writing, text=True)
    os.close(writing)
    assert (done.returncode, done.stdout) == (0, "ran\n")


# ---- Python that is opened late -------------------------------------------------


@pytest.fixture
def embed(compile_program, shoal):
    """Run code, by `shoal run`, in a program that opens the running Python's library."""
    folder, name = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    libpython = Path(folder or "", name or "")
    if not sysconfig.get_config_var("Py_ENABLE_SHARED") or not libpython.is_file():
        pytest.skip("this Python has no shared library")
    program = str(compile_program(PROGRAMS / "embed.c"))

    def run(rounds, **environment):
        command = [program, str(libpython), str(rounds), "round or print('ran')"]
        return program, shoal(
            "run", "--", "env", *(f"{k}={v}" for k, v in environment.items()), *command
        )

    return run


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("local", ["", "local"])
def test_a_late_python_is_served(embed, rounds, local):
    _, done = embed(rounds, PYTHONHOME=sys.base_prefix, EMBED_LOCALLY=local)
    silent(done)


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_late_python_with_its_debug_allocator(embed, rounds):
    program, done = embed(rounds, PYTHONHOME=sys.base_prefix, PYTHONMALLOC="debug")
    warned(done, DEBUG, program)


def test_a_late_python_whose_program_brings_an_allocator(embed):
    program, done = embed(1, PYTHONHOME=sys.base_prefix, EMBED_ALLOCATOR="1")
    reason = "configures an allocator of its own for Python, so objects will not be Shoal's"
    warned(done, reason, program)


# ---- Pythons that cannot be served, and other mallocs --------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            ["-DFREE_THREADED"],
            "is free-threaded: its malloc is Shoal's, its objects are CPython's",
        ),
        (
            [],
            "runs a Python that Shoal does not know, so objects will not be Shoal's: "
            "use Python 3.11 or later",
        ),
    ],
)
def test_a_python_that_cannot_be_served(compile_program, shoal, options, reason):
    program = compile_program(PROGRAMS / "fake_python.c", "-rdynamic", *options)
    warned(shoal("run", "--", str(program)), reason, program)
    if not options:
        silent(shoal("run", "--", "sh", "-c", f"{program}; true"))


@pytest.mark.parametrize("pie", ["-pie", "-no-pie"])
def test_a_program_with_a_malloc_of_its_own(compile_program, shoal, pie):
    program = compile_program(PROGRAMS / "own_malloc.c", "-rdynamic", pie)
    reason = "has a malloc of its own, so it keeps its own allocator"
    warned(shoal("run", "--", str(program)), reason, program)


@pytest.mark.parametrize("pie", ["-pie", "-no-pie"])
def test_another_malloc_in_front(compile_program, library, shoal, pie):
    front = compile_program(PROGRAMS / "own_malloc.c", "-shared", "-fPIC")
    how = ["-fno-pie", pie] if pie == "-no-pie" else [pie]
    program = compile_program(PROGRAMS / "takes_address.c", *how)
    preloaded = {"LD_PRELOAD": f"{front}:{library}"}
    reason = "gets malloc from {}, so it keeps its own allocator: name libshoal.so first in "
    reason += "LD_PRELOAD"
    where = front if pie == "-pie" else "another library"
    warned(shoal("run", "--", str(program), env=preloaded), reason.format(where), program)
    # What is said of env is not said again of the program that it becomes.
    done = shoal("run", "--", "env", str(program), env=preloaded)
    warned(done, reason.format(front), "env")


def test_a_script_whose_interpreter_is_static(compile_program, shoal, tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return 5; }\n")
    built = subprocess.run(
        ["cc", "-static", "-o", "static", "main.c"], cwd=tmp_path, capture_output=True
    )
    if built.returncode:
        pytest.skip("needs a static libc")
    (tmp_path / "one").write_text(f"#! {tmp_path}/static -x\n")
    (tmp_path / "two").write_text("#!./one\n")
    for name in ("one", "two"):
        (tmp_path / name).chmod(0o755)
        done = shoal("run", "--", f"./{name}")
        assert (done.returncode, done.stdout) == (5, "")
        assert done.stderr == (
            f"shoal run: warning: ./{name} runs on {tmp_path}/static, which is statically linked, "
            "so it keeps its own allocator\n"
        )


@pytest.mark.parametrize("first_line", ["#!./script\n", "#!\n", "#! \n", "", "#!/no/such\n"])
def test_scripts_that_lead_nowhere(tmp_path, monkeypatch, first_line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").write_text(first_line)
    assert _run._obstacle("script") == ""


def test_a_setuid_script_is_as_any_other(tmp_path, monkeypatch):
    (tmp_path / "script").write_text(f"#!{sys.executable}\n")
    (tmp_path / "script").chmod(0o4755)
    monkeypatch.setattr(os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    assert _run._obstacle(str(tmp_path / "script")) == ""


def test_a_program_with_capabilities_is_seen(monkeypatch):
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"\1\0\0\2")
    monkeypatch.setattr(os, "getuid", lambda: os.stat(sys.executable).st_uid or 1)
    assert _run._obstacle(sys.executable) == "has capabilities"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert _run._obstacle(sys.executable) == ""
