"""`shoal.install` in a running interpreter: foreign blocks live, grow and die as before."""

import sys

MEBIBYTE = 1 << 20


def test_install_takes_over(off_shoal):
    before, after, live = off_shoal("""
        import shoal
        shoal.usage()
        before = shoal.is_active()
        shoal.install()
        shoal.install()
        start = shoal.usage().live
        made = [str(i) * 9 for i in range(100_000)]
        answer = [before, shoal.is_active(), shoal.usage().live - start]
    """)
    assert (before, after) == (False, True)
    assert live > 8 * MEBIBYTE


def test_blocks_made_before_go_back_to_their_allocator(off_shoal):
    started, freed = off_shoal("""
        import shoal, sys
        old = [str(i) * 9 for i in range(100_000)]
        shoal.usage()
        shoal.install()
        started = sys.getallocatedblocks()
        del old
        answer = [started, started - sys.getallocatedblocks()]
    """)
    assert started > 100_000
    assert freed >= 100_000


def test_containers_made_before_grow_and_shrink(off_shoal):
    assert off_shoal("""
        import shoal
        from shoal import _heap
        items = list(range(10))
        table = {i: str(i) for i in range(1_000)}
        text = bytearray(b"ab" * 100)
        words = {str(i) for i in range(1_000)}
        shoal.install()
        items.extend(range(10, 100_000))
        del items[50_000:]
        table.update((i, str(i)) for i in range(1_000, 50_000))
        for i in range(0, 50_000, 2):
            del table[i]
        text.extend(b"cd" * 100_000)
        del text[:150_000]
        words.update(str(i) for i in range(50_000))
        assert items == list(range(50_000))
        assert table == {i: str(i) for i in range(1, 50_000, 2)}
        assert text == b"cd" * 25_100
        assert words == {str(i) for i in range(50_000)}
        answer = _heap.check() > 0
    """)


def test_foreign_arenas_stay_in_the_reconciliation(off_shoal):
    pymalloc, live, parts, total = off_shoal("""
        import shoal
        old = [str(i) * 9 for i in range(300_000)]
        shoal.install()
        new = [str(i) * 9 for i in range(300_000)]
        rss = shoal.usage().rss
        parts = (rss.shoal_live + rss.shoal_held + rss.shoal_metadata + rss.pymalloc + rss.libc
                 + rss.file_backed + rss.stacks + rss.libraries + rss.unexplained)
        answer = [rss.pymalloc, rss.shoal_live, parts, rss.total]
    """)
    assert 25 * MEBIBYTE < pymalloc < 50 * MEBIBYTE
    assert 25 * MEBIBYTE < live < 50 * MEBIBYTE
    assert parts == total


def test_everything_after_install_comes_back(off_shoal):
    high, low, trimmed = off_shoal("""
        import shoal
        from shoal import _smaps
        shoal.install()
        def resident():
            return _smaps.rollup() - shoal.usage().metadata
        resident()
        before = resident()
        made = [str(i) * 9 for i in range(2_000_000)]
        answer = [resident() - before]
        del made
        answer.append(resident() - before)
        shoal.trim()
        answer.append(resident() - before)
    """)
    assert high > 160 * MEBIBYTE
    assert low < 0.01 * high
    assert trimmed < 0.01 * high


def test_install_in_a_preloaded_interpreter_changes_nothing(on_shoal):
    assert on_shoal("""
        import shoal
        shoal.install()
        answer = [shoal.is_active(), shoal._heap.serves_malloc()]
    """) == [True, True]


def test_install_under_a_debug_allocator(off_shoal):
    assert off_shoal(
        """
        import shoal
        old = [str(i) for i in range(10_000)]
        shoal.install()
        new = [str(i) for i in range(10_000)]
        assert old == new
        del old
        answer = shoal.is_active()
        """,
        env={"PYTHONMALLOC": "debug"},
    )


def test_the_interpreter_ends_cleanly_after_install(plain):
    code = (
        "import shoal, threading, json, re, decimal\n"
        "class C:\n    def __del__(self): self.x = [str(i) for i in range(100)]\n"
        "early = [C() for _ in range(100)]\n"
        "shoal.install()\n"
        "late = [C() for _ in range(100)]\n"
        "early[0].other, late[0].other = late, early\n"
    )
    done = plain("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_library_path_is_beside_the_package():
    from pathlib import Path

    import shoal

    assert Path(shoal.library_path()) == Path(shoal.__file__).resolve().parent / "libshoal.so"
    assert Path(shoal.library_path()).is_file()


def test_unknown_attributes_are_refused():
    import shoal

    assert "shoal" in sys.modules
    try:
        shoal.nonsense  # noqa: B018
    except AttributeError as error:
        assert str(error) == "module 'shoal' has no attribute 'nonsense'"
    else:
        raise AssertionError("no AttributeError")


REFUSED = "Shoal cannot be installed while tracemalloc traces: stop it, install, and start it again"


def test_install_while_tracemalloc_traces_is_refused(off_shoal):
    refused, active = off_shoal("""
        import shoal, tracemalloc
        tracemalloc.start()
        try:
            shoal.install()
        except RuntimeError as error:
            answer = [str(error), shoal.is_active()]
        tracemalloc.stop()
        shoal.install()
        assert shoal.is_active()
    """)
    assert (refused, active) == (REFUSED, False)


def test_install_while_tracemalloc_traces_from_the_start_is_refused(plain):
    done = plain("-c", "import shoal\nshoal.install()", env={"PYTHONTRACEMALLOC": "1"})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"RuntimeError: {REFUSED}"


TRACED = """
    import shoal, tracemalloc
    shoal.install()
    old = [str(i) * 9 for i in range(10_000)]
    tracemalloc.start()
    shoal.install()
    new = [str(i) * 9 for i in range(10_000)]
    found = sum(entry.size for entry in tracemalloc.take_snapshot().statistics("filename"))
    answer = [shoal.is_active(), found > 500_000]
    del old
    tracemalloc.stop()
    del new
    answer += [shoal.is_active(), shoal._heap.check() > 0]
"""


def test_tracemalloc_after_install(off_shoal):
    assert off_shoal(TRACED) == [True] * 4


def test_tracemalloc_in_a_preloaded_interpreter(on_shoal):
    assert on_shoal(TRACED) == [True] * 4


def test_install_is_there_while_the_interpreter_starts(plain, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import shoal\nshoal.install()\n")
    done = plain("-c", "import shoal; print(shoal.is_active())", env={"PYTHONPATH": str(tmp_path)})
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_install_over_the_debug_allocator_of_a_preloaded_interpreter_is_refused(shoal):
    code = "import shoal\nassert not shoal.is_active()\nshoal.install()"
    done = shoal("run", "-c", code, env={"PYTHONDEVMODE": "1"})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "RuntimeError: Shoal is preloaded, and Python's debug allocator serves objects: "
        "start Python without PYTHONMALLOC, PYTHONDEVMODE and -X dev"
    )


def test_install_where_another_allocator_undid_the_preload(shoal):
    code = "import shoal\na = [str(i) for i in range(9999)]\nb = shoal.is_active()\n"
    code += "shoal.install()\na += a\nprint(b, shoal.is_active())"
    done = shoal("run", "--", sys.executable, "-c", code, env={})
    assert (done.stdout, done.stderr) == ("True True\n", "")
    program = f"PYTHONMALLOC=pymalloc exec {sys.executable} -c '{code}'"
    done = shoal("run", "--", "sh", "-c", program)
    assert done.stdout == "False True\n"
    assert done.stderr == (
        f"shoal run: warning: {sys.executable} runs on the allocator pymalloc, so objects will "
        "not be Shoal's: start it without PYTHONMALLOC\n"
    )
