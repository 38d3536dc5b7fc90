"""shoal.pickle has all that pickle has, so that it can take its place."""

from __future__ import annotations

import importlib.util
import pickle
import textwrap
from typing import Any

import pytest
import shoal.pickle

OURS = {"dump", "dumps", "load", "loads", "Pickler", "Unpickler"}

AS_MODULES = {"__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__spec__"}
AS_MODULES |= {"__all__", "__name__", "__package__", "__path__", "__getattr__", "__dir__"}


@pytest.mark.parametrize("name", sorted({*dir(pickle), *pickle.__all__} - OURS - AS_MODULES))
def test_what_is_not_ours_is_the_standard_modules(name: str) -> None:
    assert getattr(shoal.pickle, name) is getattr(pickle, name)
    assert name in dir(shoal.pickle)


def test_a_star_gives_the_same_names() -> None:
    assert set(shoal.pickle.__all__) == set(pickle.__all__)
    assert len(shoal.pickle.__all__) == len(set(shoal.pickle.__all__))


def test_ours_stay_ours() -> None:
    for name in OURS:
        assert getattr(shoal.pickle, name) is not getattr(pickle, name)
        assert getattr(shoal.pickle, name).__module__ == "shoal._serial"


def test_what_neither_has() -> None:
    with pytest.raises(AttributeError, match=r"^module 'shoal\.pickle' has no attribute 'dmp'$"):
        shoal.pickle.dmp  # noqa: B018


USES = {
    "cloudpickle": """
        import cloudpickle
        add = lambda some: some + answer
        answer = 41
        text = cloudpickle.dumps(add)
        answer = pickle.loads(text)(1)
        class Local:
            pass
        assert type(pickle.loads(cloudpickle.dumps(Local()))) is Local
        assert issubclass(cloudpickle.Pickler, shoal.pickle.Pickler)
    """,
    "dill": """
        import dill
        base = 41
        def outer(more):
            def inner(some):
                return some + more
            return inner
        answer = dill.loads(dill.dumps(outer(40)))(2)
        dill.extend()
        assert dill.loads(dill.dumps({"a": [1, 2.0, (outer,)]}))["a"][:2] == [1, 2.0]
    """,
    "joblib": """
        import io, joblib, numpy
        file = io.BytesIO()
        joblib.dump({"array": numpy.arange(42), "list": [1, 2]}, file)
        file.seek(0)
        answer = len(joblib.load(file)["array"])
        assert joblib.hash([1, 2]) == joblib.hash([1, 2]) != joblib.hash([2, 1])
        both = joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-some) for some in (1, 2))
        assert both == [1, 2]
    """,
    "pandas": """
        import pandas, io
        frame = pandas.DataFrame({"a": range(42), "b": ["x"] * 42})
        file = io.BytesIO()
        frame.to_pickle(file)
        file.seek(0)
        assert pandas.read_pickle(file).equals(frame)
        assert pickle.loads(pickle.dumps(frame)).equals(frame)
        answer = len(frame)
    """,
    "sklearn": """
        import numpy
        from sklearn.linear_model import LinearRegression
        from sklearn.tree import DecisionTreeClassifier
        line = LinearRegression().fit([[0], [1], [2]], [2, 22, 42])
        answer = round(float(pickle.loads(pickle.dumps(line)).predict([[2]])[0]))
        tree = DecisionTreeClassifier(random_state=0).fit([[0], [1]], [0, 1])
        assert list(pickle.loads(pickle.dumps(tree)).predict([[0], [1]])) == [0, 1]
    """,
    "multiprocessing": """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool:
            answer = sum(pool.map(abs, [-40, -2]))
    """,
    "shelve": """
        import shelve, copy
        with shelve.open("some") as some:
            some["a"] = {"b": 42}
        with shelve.open("some") as some:
            answer = some["a"]["b"]
    """,
}

DILL_ALONE = """
import dill
try:
    answer = bool(dill.dumps(lambda: 0))
except AttributeError:  # dill 0.4.1 asks a code for co_lnotab, which 3.15 has no more
    answer = False
"""


@pytest.mark.parametrize("library", USES)
def test_libraries_run_with_it_in_the_place_of_pickle(off_shoal: Any, library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"no {library} for this Python")
    if library == "dill" and off_shoal(DILL_ALONE) is False:
        pytest.skip("dill cannot pickle a function of this Python, with the standard pickle either")
    replaced = "import sys, warnings, shoal.pickle\nsys.modules['pickle'] = shoal.pickle\n"
    code = f"{replaced}import pickle\nassert pickle is shoal.pickle\n"
    assert off_shoal(code + textwrap.dedent(USES[library])) == 42
