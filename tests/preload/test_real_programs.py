"""Programs that people use, under LD_PRELOAD: they do their work, without a word from us."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path

import pytest


def need(program: str) -> str:
    """Return where a program is; skip the test when it is nowhere."""
    found = shutil.which(program)
    if not found:
        pytest.skip(f"no {program} on this machine")
    return found


def said(done) -> str:
    """Return what a program printed, after checking that it ended well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_compiler(preload, tmp_path: Path) -> None:
    """A compiler, its assembler and its linker; what they build runs."""
    functions = "\n".join(f"static int f{i}(int x) {{ return x * {i} + 1; }}" for i in range(2000))
    calls = "\n".join(f"    sum += f{i}(sum & 3);" for i in range(2000))
    (tmp_path / "many.c").write_text(
        f"#include <stdio.h>\n{functions}\nint main(void)\n{{\n    unsigned sum = 1;\n{calls}\n"
        '    printf("%u\\n", sum);\n    return 0;\n}\n'
    )
    said(preload(need("gcc"), "-O2", "-o", "on-shoal", "many.c"))
    said(preload(need("gcc"), "-O2", "-o", "plain", "many.c", shoal=False))
    assert said(preload("./on-shoal")) == said(preload("./plain", shoal=False))
    assert (tmp_path / "on-shoal").read_bytes() == (tmp_path / "plain").read_bytes()


def test_git(preload, tmp_path: Path) -> None:
    """A repository with a history: commits, a log, packing with threads, a check."""
    git = need("git")
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"))
    }
    said(preload(git, "-c", "init.defaultBranch=main", "init", "-q", "."))
    for i in range(8):
        for k in range(40):
            (tmp_path / f"file-{k}").write_text(f"line {i}\n" * (k * 20 + i))
        said(preload(git, "add", "."))
        said(preload(git, "commit", "-qm", f"commit {i}", env=identity))
    assert said(preload(git, "log", "--oneline")).count("\n") == 8
    said(preload(git, "-c", "pack.threads=4", "gc", "-q", "--aggressive"))
    assert said(preload(git, "fsck", "--strict", "--no-progress")) == ""
    assert "file-39" in said(preload(git, "diff", "--stat", "HEAD~3"))


def test_node(preload) -> None:
    """A JavaScript engine with its own threads: JSON, and large buffers."""
    code = """
        const rows = [];
        for (let i = 0; i < 100000; i++) rows.push({id: i, name: 'n' + i, tags: [i, i + 1]});
        const again = JSON.parse(JSON.stringify(rows));
        let buffers = 0;
        for (let i = 0; i < 200; i++) buffers += Buffer.alloc(100000 + i, i & 255).length;
        console.log(again.length, again[99999].tags[1], buffers);
    """
    assert said(preload(need("node"), "-e", code)) == "100000 100000 20019900\n"


def test_shell_and_tools(preload, tmp_path: Path) -> None:
    """A pipeline of small programs, which all inherit the library."""
    script = """
        set -euo pipefail
        seq 1 200000 | awk '{ print ($1 * 7919) % 200003, "word" $1 }' > numbers
        sort -n --parallel=4 -S 8M numbers | tail -1
        sort -k2 numbers | md5sum
        grep -c 'word1' numbers
        sed 's/word/w/' numbers | tr a-z A-Z | cut -d' ' -f2 | sort -u | wc -l
        declare -A seen
        for i in $(seq 1 2000); do seen[$i]=$((i * i)); done
        echo ${#seen[@]}
    """
    done = [preload(need("bash"), "-c", script, shoal=shoal) for shoal in (True, False)]
    assert said(done[0]) == said(done[1])


def python(preload, code: str, **options) -> str:
    """Return what a piece of Python prints under the library."""
    return said(preload(sys.executable, "-c", textwrap.dedent(code), **options))


def test_numpy(preload) -> None:
    """Arrays of all sizes, by way of NumPy's own allocation and of BLAS's threads."""
    pytest.importorskip("numpy", reason="NumPy is not installed")
    code = """
        import numpy as np
        random = np.random.default_rng(1)
        total = 0.0
        for size in (3, 50, 400, 5000, 200_000, 3_000_000):
            a = random.random(size)
            b = np.sort(np.concatenate([a, a[::-1]]))
            assert (np.diff(b) >= 0).all() and not np.zeros(size).any()
            total += float(b.sum()) / size
            del a, b
        m = random.random((300, 300))
        assert np.allclose(m @ np.linalg.inv(m), np.eye(300))
        objects = np.array([str(i) for i in range(10_000)], dtype=object)
        assert "".join(objects[:3]) == "012"
        print(round(total))
    """
    assert python(preload, code) == "6\n"


def test_sqlite(preload) -> None:
    """A database in memory, with an index and text of many lengths."""
    pytest.importorskip("sqlite3", reason="this Python has no sqlite3")
    code = """
        import sqlite3
        db = sqlite3.connect(":memory:")
        db.execute("create table t (id integer primary key, text text)")
        db.executemany("insert into t values (?, ?)", ((i, "x" * (i % 500)) for i in range(50000)))
        db.execute("create index by_text on t (text)")
        db.execute("delete from t where id % 3 = 0")
        db.commit()
        db.execute("vacuum")
        print(db.execute("select count(*), sum(length(text)) from t").fetchone())
    """
    assert python(preload, code) == python(preload, code, shoal=False)


def test_python_is_on_shoal(preload) -> None:
    """Preloaded, the interpreter's own objects come from Shoal as well."""
    pytest.importorskip("shoal", reason="the package is not installed")
    assert python(preload, "import shoal; print(shoal.is_active())") == "True\n"


def test_multiprocessing(preload) -> None:
    """Workers by fork, with threads about, passing data both ways."""
    code = """
        import multiprocessing, threading
        def work(n):
            return sum(len(str(i)) for i in range(n))
        if __name__ == "__main__":
            stop = threading.Event()
            def churn():
                while not stop.is_set():
                    [bytes(i) for i in range(300)]
            thread = threading.Thread(target=churn)
            context = multiprocessing.get_context("fork")
            with context.Pool(4) as pool:
                thread.start()
                print(sum(pool.map(work, range(2000))))
            stop.set()
            thread.join()
    """
    assert python(preload, code) == python(preload, code, shoal=False)
