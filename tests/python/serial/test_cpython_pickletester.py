"""CPython's own tests of pickle, of the running version, against shoal.pickle.

Its abstract classes take a Pickler and an Unpickler. They are run with both of
ours, and in the rings: ours writes and the standard module's C or Python reads, and
the other way round.
"""

from __future__ import annotations

import collections
import io
import pickle
import unittest

import pytest
import shoal.pickle as ours

pytest.importorskip("test.pickletester", reason="this Python came without its own tests")
pytest.importorskip("_pickle")

import _pickle

from test import pickletester, test_pickle

TOO_LITTLE = ((pickle.UnpicklingError, OverflowError), "truncated|exceeds system's maximum")
"""What is raised for a length that is not there: above half of `sys.maxsize` by its number."""


class ExactBytes:
    """What pins the bytes of a stream; ours remembers less and so numbers otherwise."""

    test_pickle_to_2x = None


class OurModule(pickletester.AbstractPickleModuleTests, unittest.TestCase):
    dump = staticmethod(ours.dump)
    dumps = staticmethod(ours.dumps)
    load = staticmethod(ours.load)
    loads = staticmethod(ours.loads)
    Pickler = ours.Pickler
    Unpickler = ours.Unpickler


class InMemory(
    ExactBytes,
    pickletester.AbstractPickleTests,
    pickletester.AbstractUnpickleTests,
    unittest.TestCase,
):
    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError, EOFError)
    truncated_data_error = TOO_LITTLE
    size_overflow_error = (OverflowError, "exceeds")

    test_framed_write_sizes_with_delayed_writer = None
    test_find_class = None
    test_custom_find_class = None

    def dumps(self, arg, protocol=None, **kwargs):
        return ours.dumps(arg, protocol, **kwargs)

    def loads(self, buf, **kwargs):
        return ours.loads(buf, **kwargs)


class InMemoryExact(InMemory):
    test_pickle_to_2x = pickletester.AbstractPickleTests.test_pickle_to_2x

    def dumps(self, arg, protocol=None, **kwargs):
        return ours.dumps(arg, protocol, exact=True, **kwargs)


class ThroughFile(ExactBytes, pickletester.AbstractPickleTests, unittest.TestCase):
    """dump() and load(), which hold no memo from one call to the next."""

    test_framed_write_sizes_with_delayed_writer = None

    def dumps(self, arg, protocol=None, **kwargs):
        file = io.BytesIO()
        ours.dump(arg, file, protocol, **kwargs)
        return file.getvalue()

    def loads(self, buf, **kwargs):
        return ours.load(io.BufferedReader(io.BytesIO(buf)), **kwargs)


class Unpickler(test_pickle.PyUnpicklerTests):
    unpickler = ours.Unpickler
    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError,)
    truncated_data_error = TOO_LITTLE
    size_overflow_error = (OverflowError, "exceeds")


if hasattr(test_pickle, "PyPicklingErrorTests"):

    class PicklingErrors(test_pickle.PyPicklingErrorTests):
        pickler = ours.Pickler


class PicklerAndUnpickler(test_pickle.PyPicklerTests):
    pickler = ours.Pickler
    unpickler = ours.Unpickler


class OursThenC(test_pickle.PyPicklerTests):
    pickler = ours.Pickler
    unpickler = _pickle.Unpickler


class OursThenPython(test_pickle.PyPicklerTests):
    pickler = ours.Pickler
    unpickler = pickle._Unpickler


class CThenOurs(test_pickle.PyPicklerTests):
    pickler = _pickle.Pickler
    unpickler = ours.Unpickler


class PythonThenOurs(test_pickle.PyPicklerTests):
    pickler = pickle._Pickler
    unpickler = ours.Unpickler


class PersistentIds(test_pickle.PyPersPicklerTests):
    pickler = ours.Pickler
    unpickler = ours.Unpickler


class IdenticalPersistentIds(test_pickle.PyIdPersPicklerTests):
    pickler = ours.Pickler
    unpickler = ours.Unpickler
    persistent_load_error = pickle.UnpicklingError


class Objects(pickletester.AbstractPicklerUnpicklerObjectTests, unittest.TestCase):
    pickler_class = ours.Pickler
    unpickler_class = ours.Unpickler

    def test_issue18339(self):
        unpickler = self.unpickler_class(io.BytesIO())
        with self.assertRaises(TypeError):
            unpickler.memo = object
        with self.assertRaises(ValueError):
            unpickler.memo = {-1: None}
        unpickler.memo = {1: None}


class DispatchTable(pickletester.AbstractDispatchTableTests, unittest.TestCase):
    pickler_class = ours.Pickler

    def get_dispatch_table(self):
        return pickle.dispatch_table.copy()


class ChainedDispatchTable(pickletester.AbstractDispatchTableTests, unittest.TestCase):
    pickler_class = ours.Pickler

    def get_dispatch_table(self):
        return collections.ChainMap({}, pickle.dispatch_table)


class CustomPickler(ours.Pickler, pickletester.AbstractCustomPicklerClass):
    pass


class Hooks(pickletester.AbstractHookTests, unittest.TestCase):
    pickler_class = CustomPickler


def test_types_are_as_the_standard_modules_are():
    pickler, unpickler = ours.Pickler(io.BytesIO()), ours.Unpickler(io.BytesIO())

    for type_ in (ours.Pickler, ours.Unpickler, type(pickler.memo), type(unpickler.memo)):
        with pytest.raises(TypeError, match="immutable"):
            type_.foo = "bar"
