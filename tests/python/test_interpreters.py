"""Threads, forks, and interpreters with a lock of their own: every block stays intact."""

import sys

import pytest

# One round of work that allocates in every way Python does, and knows its right answer.
WORK = """
def work(seed, rounds=20):
    import json, zlib
    for n in range(rounds):
        table = {str(i * seed): [i, float(i), (i, str(i))] for i in range(2_000)}
        text = json.dumps(table)
        assert json.loads(text) == {k: [a, b, list(c)] for k, (a, b, c) in table.items()}
        packed = zlib.compress(text.encode() * 3)
        assert zlib.decompress(packed) == text.encode() * 3
        grown = bytearray()
        for i in range(500):
            grown += bytes([i % 251]) * (i * 7 % 300)
        assert all(len(set(grown[:9])) < 9 for _ in range(3))
"""


def test_threads(on_shoal):
    assert on_shoal(
        WORK
        + """
import threading
from shoal import _heap
failures = []
threading.excepthook = lambda caught: failures.append(repr(caught.exc_value))
threads = [threading.Thread(target=work, args=(seed, 5)) for seed in range(1, 9)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
answer = _heap.check() > 0
"""
    )


def test_blocks_of_ended_threads_can_be_freed(on_shoal):
    assert on_shoal("""
        import shoal, threading
        from shoal import _heap
        made = []
        for n in range(50):
            thread = threading.Thread(target=lambda: made.append([bytes(100) * n for n in range(99)]))
            thread.start()
            thread.join()
        made.clear()
        answer = _heap.check() > 0
    """)  # noqa: E501


def test_forked_children_have_a_heap_of_their_own(on_shoal):
    assert on_shoal(
        WORK
        + """
import os
from shoal import _heap
kept = [str(i) * 9 for i in range(50_000)]
children = []
for seed in range(1, 5):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(seed, 2)
            assert kept == [str(i) * 9 for i in range(50_000)]
            del kept
            _heap.check()
            status = 0
        finally:
            os._exit(status)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
assert kept == [str(i) * 9 for i in range(50_000)]
answer = _heap.check() > 0
"""
    )


def test_forks_by_threads_amid_the_work_of_others(on_shoal):
    code = """
import os, threading, warnings
from shoal import _heap
warnings.simplefilter("ignore", DeprecationWarning)
statuses = []
ended = threading.Event()
def churn():
    while not ended.is_set():
        made = [str(i) * 9 for i in range(3_000)], bytearray(70_000), bytes(9 << 20)
def fork_often():
    for _ in range(25):
        child = os.fork()
        if child == 0:
            try:
                made = [str(i) * 7 for i in range(3_000)], bytes(9 << 20)
                _heap.check()
                os._exit(0)
            finally:
                os._exit(1)
        statuses.append(os.waitpid(child, 0)[1])
churning = [threading.Thread(target=churn) for _ in range(2)]
forking = [threading.Thread(target=fork_often) for _ in range(2)]
for thread in churning + forking:
    thread.start()
for thread in forking:
    thread.join()
ended.set()
for thread in churning:
    thread.join()
assert statuses == [0] * 50, statuses
answer = _heap.check() > 0
"""
    assert on_shoal(code)


# Each interpreter runs WORK in a thread of its own, at the same time, and leaves
# a file when it got to the end.
INTERPRETERS = """
import os, sys, threading
try:
    import _interpreters as interpreters
    create = lambda: interpreters.create({config!r})
except ImportError:
    import _xxsubinterpreters as interpreters
    create = lambda: interpreters.create(isolated={config!r} == "isolated")
import shoal
from shoal import _heap
{first}
made = [create() for _ in range(4)]
def run(number, interpreter):
    interpreters.run_string(interpreter, WORK + '''
work({{0}} + 1, 10)
import shoal
from shoal import _heap
assert shoal.is_active()
assert shoal.usage().live > 0
shoal.trim()
open("ended-{{0}}", "x").close()
'''.format(number))
WORK = {work!r}
threads = [threading.Thread(target=run, args=pair) for pair in enumerate(made)]
for thread in threads:
    thread.start()
exec(WORK)
work(9, 10)
for thread in threads:
    thread.join()
for interpreter in made:
    interpreters.destroy(interpreter)
_heap.check()
answer = sorted(name for name in os.listdir() if name.startswith("ended-"))
"""

ENDED = [f"ended-{number}" for number in range(4)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no interpreter has a lock of its own")
def test_interpreters_with_their_own_lock(on_shoal):
    code = INTERPRETERS.format(config="isolated", first="", work=WORK)
    assert on_shoal(code) == ENDED


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no interpreter has a lock of its own")
def test_interpreters_with_their_own_lock_after_install(off_shoal):
    code = INTERPRETERS.format(config="isolated", first="shoal.install()", work=WORK)
    assert off_shoal(code) == ENDED


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no interpreter has a lock of its own")
def test_install_by_interpreters_with_their_own_lock(off_shoal):
    # Each installs, amid the others' work and the main interpreter's.
    code = INTERPRETERS.format(config="isolated", first="", work=WORK)
    code = code.replace("WORK + '''\n", "WORK + '''\nimport shoal\nshoal._heap.install()\n")
    assert "_heap.install()" in code
    assert off_shoal(code) == ENDED


def test_interpreters_that_share_the_lock(on_shoal):
    # json's C accelerator and zlib must be of the kind that may be imported twice: they are.
    code = INTERPRETERS.format(config="legacy", first="", work=WORK)
    assert on_shoal(code) == ENDED


# What the package has for an interpreter with a lock of its own, several at a time.
PACKAGE = """
from concurrent import interpreters
import threading
work = '''
import os, shoal
from shoal import flat, inspect, pickle
assert shoal.is_active()
records = [{"n": n, "text": str(n), "row": (n, float(n))} for n in range(3_000)]
for _ in range(5):
    assert pickle.loads(pickle.dumps(records)) == records
    assert flat.loads(flat.dumps(records)) == records
assert inspect.take(os.getpid()).allocator == "shoal"
open(f"ended-{number}", "x").close()
'''
made = [interpreters.create() for _ in range(4)]
threads = []
for number, interpreter in enumerate(made):
    interpreter.prepare_main(number=number)
    threads.append(threading.Thread(target=interpreter.exec, args=[work]))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
try:
    made[0].exec("from shoal import profile")
    refusal = ""
except interpreters.ExecutionFailed as failed:
    refusal = failed.excinfo.msg
for interpreter in made:
    interpreter.close()
import os
answer = refusal, sorted(name for name in os.listdir() if name.startswith("ended-"))
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is of 3.14")
def test_the_package_in_interpreters_with_their_own_lock(on_shoal):
    refusal, ended = on_shoal(PACKAGE)
    assert ended == ENDED
    assert "does not support loading in subinterpreters" in refusal
