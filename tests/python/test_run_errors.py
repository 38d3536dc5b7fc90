"""`shoal run`: what is wrong is said in one line, with exit status 2."""

import os
import shutil
import subprocess
import sys

import pytest
from shoal import _run, cli


def one_line(done, line):
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "nothing to run: give a script, -m module, -c code or -- program"),
        (["--stats"], "nothing to run: give a script, -m module, -c code or -- program"),
        (["nosuch.py", "x"], "no such script: nosuch.py"),
        (["."], "no __main__.py in the directory: ."),
        (["/dev/null/x.py"], "cannot read the script: /dev/null/x.py: Not a directory"),
        (["-m"], "argument expected for the -m option"),
        (["-c"], "argument expected for the -c option"),
        (["-m", "no_such_module"], "no such module: no_such_module"),
        (["-m", "no_such_package.part"], "no such module: no_such_package.part"),
        (["-m", ""], "no such module: ''"),
        (["--"], "a program is expected after --"),
        (["--", ""], "a program is expected after --"),
        (["--", "no-such-program"], "no such program: no-such-program"),
        (["--", "./no-such-program"], "no such program: ./no-such-program"),
        (["--", "/dev"], "cannot run /dev: Is a directory"),
        (["--", "/proc/self/maps"], "cannot run /proc/self/maps: Permission denied"),
        (["--stat", "x.py"], "unrecognized arguments: --stat"),
        (["-x"], "unrecognized arguments: -x"),
        (["--stats=3", "x.py"], "argument --stats: ignored explicit argument '3'"),
    ],
)
def test_wrong_command_line(shoal, arguments, line):
    one_line(shoal("run", *arguments), f"shoal run: {line}")


def test_a_file_that_is_no_program(shoal, tmp_path):
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    one_line(shoal("run", "--", "./text"), "shoal run: cannot run ./text: Exec format error")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_script(shoal, tmp_path):
    (tmp_path / "secret.py").touch(mode=0)
    one_line(
        shoal("run", "secret.py"),
        "shoal run: cannot read the script: secret.py: Permission denied",
    )


def test_an_unreadable_script_as_the_check_sees_it(tmp_path, monkeypatch):
    (tmp_path / "secret.py").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(_run.CannotRunError, match=r"^cannot read the script: .*Permission denied$"):
        _run.run([str(tmp_path / "secret.py")])


def test_what_python_says_best_is_left_to_python(shoal, tmp_path):
    (tmp_path / "empty_package").mkdir()
    (tmp_path / "empty_package/__init__.py").touch()
    done = shoal("run", "-m", "empty_package")
    assert done.returncode == 1
    assert "No module named empty_package.__main__" in done.stderr


@pytest.mark.parametrize("allocator", ["shoal", "pymalloc"])
def test_a_free_threaded_python_is_not_profiled(monkeypatch, capsys, allocator):
    monkeypatch.setattr(sys, "abiflags", "t")
    with pytest.raises(SystemExit) as stop:
        cli.main(["profile", "--allocator", allocator, "-c", "1"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "shoal profile: the line profiler needs the interpreter lock, and this Python is "
        "free-threaded: use a standard build of Python\n"
    )


@pytest.mark.parametrize("character", [" ", ":"])
def test_a_library_path_that_the_preload_cannot_name(monkeypatch, tmp_path, character):
    library = tmp_path / f"a{character}b.so"
    library.touch()
    monkeypatch.setattr(_run, "library_path", lambda: str(library))
    with pytest.raises(_run.CannotRunError, match="LD_PRELOAD cannot name"):
        _run.run(["-c", "1"])


def test_a_missing_library(monkeypatch, tmp_path):
    monkeypatch.setattr(_run, "library_path", lambda: str(tmp_path / "libshoal.so"))
    with pytest.raises(_run.CannotRunError, match=r"libshoal\.so is missing"):
        _run.run(["-c", "1"])


def test_pythonmalloc_is_left_out_with_a_warning(shoal):
    code = "import os, shoal; print(os.environ.get('PYTHONMALLOC'), shoal.is_active())"
    done = shoal("run", "-c", code, env={"PYTHONMALLOC": "malloc"})
    assert done.stdout == "None True\n"
    assert done.stderr == (
        "shoal run: warning: PYTHONMALLOC=malloc is left out: it would undo Shoal\n"
    )


def test_dev_mode_is_warned_of(shoal):
    done = shoal("run", "-c", "print(1)", env={"PYTHONDEVMODE": "1"})
    assert done.stdout == "1\n"
    assert done.stderr.splitlines()[0] == (
        f"shoal run: warning: {sys.executable} runs on Python's debug allocator, so objects will "
        "not be Shoal's: start it without -X dev, PYTHONDEVMODE and PYTHONMALLOC"
    )


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_static_program_is_warned_of(shoal, tmp_path):
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 5; }\n")
    built = subprocess.run(
        ["cc", "-static", "-o", tmp_path / "static", source], capture_output=True, check=False
    )
    if built.returncode:
        pytest.skip("needs a static libc")
    done = shoal("run", "--", "./static")
    assert done.returncode == 5
    assert done.stderr == (
        "shoal run: warning: ./static is statically linked, so it keeps its own allocator\n"
    )


def test_a_dynamic_program_is_not_warned_of(shoal):
    assert shoal("run", "--", "true").stderr == ""


def test_a_setuid_program_is_seen(tmp_path, monkeypatch):
    program = tmp_path / "program"
    shutil.copy(sys.executable, program)
    program.chmod(0o4755)
    assert _run._obstacle(str(program)) == ""
    monkeypatch.setattr(os, "getuid", lambda: program.stat().st_uid + 1)
    assert _run._obstacle(str(program)) == "is setuid"


def test_no_command(shoal):
    done = shoal()
    assert (done.returncode, done.stdout) == (2, "")
    assert "shoal COMMAND --help" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["walk"], "shoal: argument command: invalid choice: 'walk'"),
        (["--nonsense"], "shoal: unrecognized arguments: --nonsense"),
    ],
)
def test_no_such_command(shoal, arguments, start):
    done = shoal(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(start)
    assert done.stderr.count("\n") == 1


def test_version(shoal):
    import shoal as package

    done = shoal("--version")
    assert (done.returncode, done.stdout) == (0, f"shoal {package.__version__}\n")


def test_help_teaches(shoal):
    done = shoal("run", "--help")
    assert done.returncode == 0
    for part in ("script.py", "-m ", "-c ", "-- node app.js", "--stats", "LD_PRELOAD="):
        assert part in done.stdout


def test_a_library_that_is_missing(shoal, tmp_path):
    (tmp_path / "psutil.py").write_text("raise ModuleNotFoundError(name='psutil')\n")
    done = shoal("top", "--once", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "shoal top needs psutil: pip install psutil\n"
