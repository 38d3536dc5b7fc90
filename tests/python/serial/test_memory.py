"""No memory of its own: peaks of resident memory, each in a fresh process.

What a process held at most is the kernel's to say (VmHWM, which can be reset).
Bounds are far from what is measured: 0.0 to 0.2 MB where pickle takes 10 to 40.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

SETUP = """
import gc, io, json, random, string, sys
import shoal.pickle as ours

def megabytes(name):
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024 / 1e6

def extra_peak(work):
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    before = megabytes("VmRSS")
    result = work()
    return megabytes("VmHWM") - before, result

def records(n):
    letters = string.ascii_lowercase
    return [
        (random.random(), "".join(random.choices(letters, k=20)), random.randint(0, 2**64))
        for _ in range(n)
    ]

def rows(n):
    return json.loads(json.dumps([{"id": i, "tags": [str(i), "b"]} for i in range(n)]))

def cyrillic(n):
    return ["привет %d" % i for i in range(n)]

def dump(value, path):
    with open(path, "wb") as file:
        ours.dump(value, file)

def load(path, **options):
    with open(path, "rb") as file:
        return ours.load(file, **options)

path = sys.argv[1]
dump(records(10), path), load(path)  # imports and first-time costs
"""


def measure(code, tmp_path):
    """Run the code behind SETUP and return the numbers that it prints."""
    command = [sys.executable, "-c", SETUP + code, str(tmp_path / "pickle")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


@pytest.mark.parametrize("make", ["records(200000)", "rows(50000)", "cyrillic(100000)"])
def test_a_dump_takes_no_memory(make, tmp_path):
    code = f"value = {make}; print(extra_peak(lambda: dump(value, path))[0])"
    assert measure(code, tmp_path)[0] < 1


def test_nothing_is_left_in_strings(tmp_path):
    code = """
value = cyrillic(100000)
before = sum(map(sys.getsizeof, value))
dump(value, path), ours.dumps(value)
print(sum(map(sys.getsizeof, value)) - before)
"""
    assert measure(code, tmp_path) == [0]


@pytest.mark.parametrize("make", ["records(200000)", "cyrillic(100000)"])
def test_a_load_takes_what_the_data_takes(make, tmp_path):
    code = f"""
dump({make}, path)
peak, value = extra_peak(lambda: load(path))
held = megabytes("VmRSS")
print(megabytes("VmHWM") - held)
"""
    assert measure(code, tmp_path)[0] < 1


def test_one_long_bytes_object_is_there_once(tmp_path):
    code = """
value = bytes(50_000_000)
print(extra_peak(lambda: dump(value, path))[0])
del value
print(extra_peak(lambda: load(path))[0])
"""
    dumped, loaded = measure(code, tmp_path)
    assert dumped < 2
    assert loaded < 60


def test_equal_leaves_are_shared(tmp_path):
    code = """
dump([{"name": "user %d" % (i % 100), "score": i % 50 / 2} for i in range(100000)], path)
plain, value = extra_peak(lambda: load(path))
del value
gc.collect()
value = load(path, share=True)
print(len({id(row["name"]) for row in value}), len({id(row["score"]) for row in value}))
"""
    names, scores = measure(code, tmp_path)
    assert names < 1000
    assert scores < 1000
