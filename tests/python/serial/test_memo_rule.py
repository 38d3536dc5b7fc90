"""What may stay out of the memo, and every case in which a simpler rule would be wrong.

docs/pickle.md has the rule. Each test writes a graph with shoal.pickle, reads it
back with the standard module and asks for the identities that pickle keeps.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import pickletools
import sys
import threading
import weakref
from typing import ClassVar

import pytest
import shoal.pickle as ours

from .shapes import Node, Slotted, shape

MEMO_OPCODES = ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT")


def memorized(stream: bytes) -> int:
    """Return how many objects a stream puts into the memo."""
    return sum(opcode.name in MEMO_OPCODES for opcode, _, _ in pickletools.genops(stream))


def fresh(text: str) -> str:
    """Return a new string, which nothing else holds."""
    return "".join(list(text))


def same_as_pickle(make, protocol=4):
    """Assert that a graph has the shape after our dumps that it has after pickle's."""
    ours_loaded = pickle.loads(ours.dumps(make(), protocol))
    theirs_loaded = pickle.loads(pickle.dumps(make(), protocol))
    assert shape(ours_loaded) == shape(theirs_loaded)
    assert shape(ours.loads(ours.dumps(make(), protocol))) == shape(theirs_loaded)


# ---- What stays out ----------------------------------------------------------

FEW = 16  # objects go into the memo before a graph of mutable ones is looked over


def test_only_the_root_is_memorized_of_records():
    records = [(i / 2, fresh(f"name {i}"), i << 40) for i in range(50)]
    assert memorized(ours.dumps(records)) == 1


def test_parsed_data_leaves_only_what_is_shared():
    shared = fresh("shared key")
    rows = [{shared: [fresh(f"value {i}"), {fresh(f"key {i}"): {i}}]} for i in range(50)]
    assert memorized(ours.dumps(rows)) == FEW


def test_exact_remembers_what_pickle_does():
    rows = [{fresh(f"key {i}"): (i, [i])} for i in range(50)]
    assert memorized(ours.dumps(rows, exact=True)) == memorized(pickle.dumps(rows))
    assert ours.dumps(rows, exact=True) == pickle.dumps(rows)


def test_a_pickler_remembers_what_pickle_does():
    file = io.BytesIO()
    rows = [{fresh(f"key {i}"): (i, [i])} for i in range(50)]
    ours.Pickler(file).dump(rows)
    assert file.getvalue() == pickle.dumps(rows)


def test_a_second_dump_of_a_pickler_refers_to_the_first():
    file = io.BytesIO()
    pickler = ours.Pickler(file)
    inner = [1]
    pickler.dump([inner])
    pickler.dump([inner])
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    assert unpickler.load()[0] is unpickler.load()[0]


def test_mutable_objects_are_memorized_beside_foreign_ones():
    rows = [[i] for i in range(50)]
    assert memorized(ours.dumps(rows)) == FEW
    assert memorized(ours.dumps([*rows, len])) > 50


def test_what_the_first_few_are_is_remembered_when_they_come_again():
    """They came before the graph was looked over, and may be met again after it."""
    rows = [[i] for i in range(50)]
    rows += rows
    again = pickle.loads(ours.dumps(rows))
    assert again == rows
    assert [again.index(row) for row in again] == list(range(50)) * 2
    assert all(again[i] is again[50 + i] for i in range(50))


def test_state_of_slots_is_our_own():
    def make():
        slotted = Slotted()
        slotted.left, slotted.right = fresh("left!"), None
        return slotted

    many = [make() for _ in range(20)]
    names = 2 + len(Slotted.__slots__)  # of module and class, and of the slots
    # The root, the class, and of each: itself and the string that its slot holds too.
    assert memorized(ours.dumps(many)) == 1 + 1 + names + 2 * 20
    same_as_pickle(lambda: [make() for _ in range(3)])


# ---- Counter-examples --------------------------------------------------------


class HandsOutWeakly:
    """Its state is an object that it only refers to weakly."""

    def __init__(self, target):
        self.target = weakref.ref(target)

    def __getstate__(self):
        return {"target": self.target()}

    def __setstate__(self, state):
        self.target = state["target"]


def test_a_weakly_referenced_object_is_handed_out():
    root = [{1, 2}]
    root.append(HandsOutWeakly(root[0]))
    loaded = pickle.loads(ours.dumps(root))
    assert loaded[1].target is loaded[0]


class HandsOutParent(Node):
    def __init__(self, parent):
        self.parent = weakref.ref(parent)

    def __getstate__(self):
        return {"parent": self.parent()}

    def __setstate__(self, state):
        self.parent = state["parent"]


def test_a_weakly_referenced_parent_is_handed_out():
    parent = Node()
    parent.child = HandsOutParent(parent)
    holder = [parent]
    del parent
    loaded = pickle.loads(ours.dumps(holder))
    assert loaded[0].child.parent is loaded[0]


REGISTRY: dict[str, object] = {}


def first(value):
    return [value]


class LooksUpByPath:
    """Makes itself from a dict that it finds by a path, holding no reference."""

    def __reduce__(self):
        return first, (REGISTRY["config"]["inner"],)


def test_a_dict_is_looked_up_by_path():
    REGISTRY.clear()
    REGISTRY["config"] = {"inner": {"x": 1}}
    REGISTRY["user"] = LooksUpByPath()
    loaded = pickle.loads(ours.dumps(REGISTRY))
    REGISTRY.clear()
    assert loaded["user"][0] is loaded["config"]["inner"]


@pytest.mark.parametrize("protocol", range(6))
def test_keys_of_a_split_table_are_shared(protocol):
    class Plain:
        pass

    def make():
        names = [fresh(f"attribute_{os.urandom(4).hex()}") for _ in range(2)]
        plain = [Plain() for _ in range(3)]
        for one in plain:
            for name in names:
                setattr(one, name, 1)
        del names
        return [one.__dict__ for one in plain]

    loaded = pickle.loads(ours.dumps(make(), protocol))
    assert len({id(key) for one in loaded for key in one}) == 2


class GivesTemporaries:
    """Its items live only until the next one is asked for."""

    def __init__(self, count=0):
        self.count = count
        self.found = []

    def extend(self, items):
        self.found.extend(items)

    def append(self, item):
        self.found.append(item)

    def __reduce__(self):
        return GivesTemporaries, (), None, ([[i], (i, fresh(f"x{i}"))] for i in range(self.count))


@pytest.mark.parametrize("protocol", range(6))
def test_generators_of_temporaries(protocol):
    loaded = pickle.loads(ours.dumps([GivesTemporaries(3000)], protocol))[0]
    assert loaded.found == [[[i], (i, f"x{i}")] for i in range(3000)]


class GivesFreshArguments:
    """Every reduction makes new objects, which may lie where old ones lay."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return list, ([fresh(f"n{self.number}"), [self.number], {self.number: ()}],)


def test_temporaries_are_held_as_long_as_the_memo():
    loaded = pickle.loads(ours.dumps([GivesFreshArguments(i) for i in range(3000)]))
    assert loaded == [[f"n{i}", [i], {i: ()}] for i in range(3000)]


class Resurrected:
    """Comes back when it dies, with all that it holds."""

    graveyard: ClassVar[list[object]] = []

    def __init__(self, held):
        self.held = held

    def __del__(self):
        self.graveyard.append(self.held)


class MakesResurrected:
    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        Resurrected([self.number])
        gc.collect(0)
        return first, (Resurrected.graveyard[-1],)


def test_objects_resurrected_while_writing():
    loaded = pickle.loads(ours.dumps([MakesResurrected(i) for i in range(50)]))
    assert loaded == [[[i]] for i in range(50)]


def test_interned_and_immortal_strings():
    def make():
        name = sys.intern(fresh("a name that is interned"))
        return [name, name, "literal", "literal", "", "x", "x", (), (), b"", b"y", b"y", name]

    for protocol in range(6):
        same_as_pickle(make, protocol)


def test_a_string_is_only_interned():
    assert memorized(ours.dumps([sys.intern(fresh(f"interned {i}")) for i in range(9)])) <= 10


# ---- Cycles ------------------------------------------------------------------


def tuple_in_list():
    cycle = ([],)
    cycle[0].append(cycle)
    return cycle


def tuple_through_two_lists():
    cycle = ([[]],)
    cycle[0][0].append(cycle)
    return [cycle]


def tuple_through_a_tuple():
    inner = []
    cycle = ((inner,),)
    inner.append(cycle)
    return [cycle, "after"]


def tuple_through_many_tuples():
    inner = []
    cycle = inner
    for _ in range(60):
        cycle = (cycle,)
    inner.append(cycle)
    return [cycle]


def tuple_through_a_dict():
    inner = {}
    cycle = (1, 2, 3, inner, fresh("five"))
    inner["cycle"] = cycle
    return [cycle, cycle]


def two_tuples():
    inner = []
    first, second = (inner, 1), (inner, 2, 3, 4)
    inner += [first, second, [second]]
    return [first]


def frozen_cycle():
    node = Node()
    node.all = frozenset([node])
    return [node.all]


def frozen_cycle_with_a_shared_dict():
    node = Node()
    node.all = frozenset([node])
    return [node.all, node.__dict__]


def tuple_cycle_with_shared_parts():
    node = Node()
    node.list = [[]]
    node.all = (node, node.list)
    node.list[0].append(node.all)
    return [node.all, node.list[0], node.__dict__]


CYCLES = [
    frozen_cycle_with_a_shared_dict,
    tuple_cycle_with_shared_parts,
    tuple_in_list,
    tuple_through_two_lists,
    tuple_through_a_tuple,
    tuple_through_many_tuples,
    tuple_through_a_dict,
    two_tuples,
    frozen_cycle,
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("make", CYCLES)
def test_cycles(make, protocol):
    same_as_pickle(make, protocol)


# ---- Code that runs while a file is written ----------------------------------


class Meddler(io.BytesIO):
    """A file whose write() moves an object to a place that is still to be written."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def write(self, data):
        if not self.root[-1]:
            self.root[-1].append(self.root[0]["inner"])
        return super().write(data)


def meddled(size=20000):
    return [{"inner": {"x": 1}}, [[i, fresh(f"filler {i}")] for i in range(size)], []]


def test_a_file_changes_the_graph():
    root = meddled()
    file = Meddler(root)
    ours.dump(root, file)
    loaded = pickle.loads(file.getvalue())
    assert loaded[-1][0] is loaded[0]["inner"]


def test_a_thread_changes_the_graph(tmp_path):
    """The writer waits for the reader, which is the thread that meddles."""
    root = meddled()
    received = []

    reading, writing = os.pipe()

    def read():
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            received.append(pipe.read(1))
            root[-1].append(root[0]["inner"])
            while part := pipe.read(4096):
                received.append(part)

    thread = threading.Thread(target=read)
    thread.start()
    with os.fdopen(writing, "wb") as pipe:
        ours.dump(root, pipe)
    thread.join()
    loaded = pickle.loads(b"".join(received))
    assert loaded[-1][0] is loaded[0]["inner"]


def test_real_files_of_one_thread_need_no_memo(tmp_path):
    """In a process of its own: a test runner may have threads."""
    code = (
        "import sys, shoal.pickle as p\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    p.dump([[i, {str(i): (i,)}] for i in range(9000)], file)\n"
    )
    path = tmp_path / "lists"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code, str(path)]) == 0
    assert memorized(path.read_bytes()) == FEW


def test_the_collector_is_as_it_was():
    assert gc.isenabled()
    ours.dumps([[1], {2: [3]}])
    assert gc.isenabled()
    gc.disable()
    try:
        ours.dumps([[1], {2: [3]}])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_is_as_it_was_after_an_error():
    class Failing:
        def write(self, data):
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        ours.dump([[1], {2: [3]}], Failing())
    deep = []
    for _ in range(100000):
        deep = [deep]
    with pytest.raises(RecursionError):
        ours.dumps([deep])
    assert gc.isenabled()
    while deep:
        deep = deep[0]


def test_hooks_turn_the_rule_off_for_mutable_objects():
    buffers = []
    rows = [[i] for i in range(10)]
    stream = ours.dumps(rows, 5, buffer_callback=buffers.append)
    assert memorized(stream) == 11
