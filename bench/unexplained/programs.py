"""Kinds of programs, each with memory of another sort: code that ends with what it holds."""

from __future__ import annotations

PROGRAMS = {
    "nothing but Python": "",
    "texts": "held = [str(i) * 3 for i in range(300_000)]",
    "dicts and lists": "held = [{'a': i, 'b': [i]} for i in range(100_000)]",
    "one in a hundred texts kept": (
        "held = [str(i) * 3 for i in range(500_000)]\nheld = held[::100]"
    ),
    "bytes of 1.4 KB in an OrderedDict": """
import collections
held = collections.OrderedDict()
for i in range(40_000):
    held[i] = bytes(1400)
    if len(held) > 20_000:
        held.popitem(last=False)
""",
    "large byte arrays": "held = [bytearray(b'x') * 3_000_000 for _ in range(20)]",
    "recursion 100,000 deep": """
import sys, threading
sys.setrecursionlimit(10**7)
threading.stack_size(512 << 20)
deep, ever = threading.Event(), threading.Event()
def dive(n):
    if n:
        dive(n - 1)
    else:
        deep.set()
        ever.wait()
threading.Thread(target=dive, args=(100_000,), daemon=True).start()
deep.wait()
""",
    "50 threads that wait": """
import threading
ever = threading.Event()
for _ in range(50):
    threading.Thread(target=ever.wait, daemon=True).start()
""",
    "malloc in 8 threads": """
import ctypes, threading
malloc, memset = ctypes.CDLL(None).malloc, ctypes.CDLL(None).memset
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
ready, ever = threading.Barrier(9), threading.Event()
def take():
    for i in range(2_000):
        size = 500 + i * 7 if i % 100 else 400_000
        memset(malloc(size), 1, size)
    ready.wait()
    ever.wait()
for _ in range(8):
    threading.Thread(target=take, daemon=True).start()
ready.wait()
""",
    "a C library that leaks 1,500 B a call": """
import ctypes
malloc, memset = ctypes.CDLL(None).malloc, ctypes.CDLL(None).memset
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
for _ in range(30_000):
    memset(malloc(1_500), 1, 1_500)
""",
    "tasks of asyncio": """
import asyncio
async def rest():
    await asyncio.sleep(3600)
async def main():
    global held
    held = [asyncio.ensure_future(rest()) for _ in range(20_000)]
    await asyncio.sleep(0)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
""",
    "a forked worker": """
import os, signal
held = [str(i) for i in range(100_000)]
if os.fork():
    signal.pause()
""",
    "mapped memory of its own": """
import mmap
held = mmap.mmap(-1, 20 << 20)
held.write(b"x" * (20 << 20))
""",
    "a file that is mapped": """
import mmap, tempfile
file = tempfile.TemporaryFile()
file.write(b"x" * (20 << 20))
file.flush()
held = mmap.mmap(file.fileno(), 0)
sum(held[::4096])
""",
    "sqlite3, in memory": """
import sqlite3
held = sqlite3.connect(":memory:")
held.execute("create table t (a, b)")
held.executemany("insert into t values (?, ?)", ((i, str(i)) for i in range(100_000)))
""",
    "XML, JSON, compression": """
import json, lzma, xml.etree.ElementTree as tree, zlib
held = tree.fromstring("<a>" + "<b c='1'>text</b>" * 50_000 + "</a>")
text = json.loads(json.dumps(list(range(100_000))))
squeezed = lzma.LZMACompressor(preset=6)
squeezed.compress(b"x" * 1_000_000)
""",
    "numpy: arrays": "import numpy\nheld = [numpy.ones(50_000) for _ in range(100)]",
    "numpy: products of matrices": (
        "import numpy\nheld = numpy.ones((1500, 1500)) @ numpy.ones((1500, 1500))"
    ),
    "numpy: 96 KB arrays, 1 in 20 kept": (
        "import numpy\nheld = [numpy.ones(12_000) for _ in range(1_200)]\nheld = held[::20]"
    ),
    "pandas": """
import numpy, pandas
held = pandas.DataFrame({"a": numpy.arange(300_000), "b": [str(i) for i in range(300_000)]})
held = held.sort_values("b")
""",
    "pandas with pyarrow": """
import pandas, pyarrow
held = pandas.DataFrame({"a": range(300_000), "b": [str(i) for i in range(300_000)]})
table = pyarrow.Table.from_pandas(held)
""",
}
