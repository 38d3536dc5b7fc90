"""`SHOAL=1`: every interpreter of the environment is on Shoal, and others never notice."""

import pytest

SAYS = "import sys; print('shoal' in sys.modules and sys.modules['shoal'].is_active())"


@pytest.mark.parametrize("code", [SAYS, f"import runpy; exec({SAYS!r})"])
def test_the_variable_installs_the_heap(plain, code):
    done = plain("-c", code, env={"SHOAL": "1"})
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_children_have_it_too(plain):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SAYS!r}])"
    done = plain("-c", code, env={"SHOAL": "1"})
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("environment", [{}, {"SHOAL": ""}, {"SHOAL": "0"}])
def test_without_the_variable_nothing_is_imported(plain, environment):
    code = "import sys; print([name for name in sys.modules if 'shoal' in name])"
    done = plain("-c", code, env=environment)
    looked = ["_shoal_at_start"] if environment.get("SHOAL") else []
    assert (done.stdout, done.stderr) == (f"{looked}\n", "")


def test_an_interpreter_that_reads_no_site_is_left_alone(plain):
    done = plain("-S", "-c", SAYS, env={"SHOAL": "1"})
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_where_the_library_is_preloaded_nothing_changes(shoal):
    code = "import shoal; print(shoal.is_active(), shoal._heap.serves_malloc())"
    done = shoal("run", "-c", code, env={"SHOAL": "1"})
    assert (done.stdout, done.stderr) == ("True True\n", "")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"SHOAL": "yes"}, "SHOAL=yes has no effect: 1 or 0 is expected"),
        (
            {"SHOAL": "1", "PYTHONTRACEMALLOC": "1"},
            "SHOAL=1 has no effect: Shoal cannot be installed while tracemalloc traces: "
            "stop it, install, and start it again",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(plain, environment, line):
    done = plain("-c", "print('runs')", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs\n", f"shoal: {line}\n")


def test_a_library_that_is_gone_is_said_in_one_line(plain, tmp_path):
    (tmp_path / "shoal").mkdir()
    (tmp_path / "shoal" / "__init__.py").write_text("raise ImportError('no libshoal.so')\n")
    environment = {"SHOAL": "1", "PYTHONPATH": str(tmp_path)}
    done = plain("-c", "print('runs')", env=environment)
    assert (done.returncode, done.stdout) == (0, "runs\n")
    assert done.stderr == "shoal: SHOAL=1 has no effect: no libshoal.so\n"
