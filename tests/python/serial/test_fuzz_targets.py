"""The corpus of fuzz/pickles.py is replayed, and what is wrong would be found."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest
import shoal.pickle as ours

FILE = Path(__file__).resolve().parents[3] / "fuzz" / "pickles.py"


def load_targets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_pickles", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def targets():
    return load_targets()


@pytest.mark.parametrize("target", ["load", "round_trip"])
def test_the_corpus(targets, target):
    assert len(targets.streams()) >= 10
    assert len(targets.seeds()) >= 5
    targets.replay(target)


@pytest.mark.parametrize("target", ["load", "round_trip"])
def test_some_seeds(targets, target):
    for seed in range(500):
        targets.TARGETS[target](seed)


class Broken:
    """The module with one function that does it wrong."""

    def __init__(self, **wrong):
        self.__dict__ |= {"load": ours.load, "loads": ours.loads, "dumps": ours.dumps, **wrong}


def forgets_sharing(value, protocol=None, **_):
    pickler_output = pickle.loads(pickle.dumps(value, protocol))
    return pickle.dumps([pickler_output, pickler_output][0:1] * 2, protocol)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("load", {"loads": lambda *_, **__: "wrong"}),
        ("load", {"load": lambda *_, **__: 1}),
        ("round_trip", {"loads": lambda stream: [pickle.loads(stream)]}),
        ("round_trip", {"dumps": forgets_sharing}),
    ],
)
def test_what_is_wrong_is_found(targets, target, wrong, capsys):
    targets.ours = Broken(**wrong)
    assert targets.main([target, "0.1", "1"]) == 1
    assert f"pickles.py: {target} 0 " in capsys.readouterr().err


def test_wrong_arguments(targets, capsys):
    assert targets.main(["nothing", "1"]) == 2
    assert capsys.readouterr().err == "pickles.py: load|round_trip SECONDS [SEED]\n"
    assert "fuzz_pickles" not in sys.modules
