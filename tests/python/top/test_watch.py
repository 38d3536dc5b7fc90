"""How often which process is read: what it costs stays within its share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from shoal.top.pace import FINDING_SHARE, READING_SHARE, REST
from shoal.top.watch import Watch


def watching(machine: SimpleNamespace, interval: float = 2.0) -> Watch:
    return Watch(machine.find, machine.read, interval, machine.clock)


def one_round(watch: Watch, machine: SimpleNamespace) -> None:
    """Look, and wait as long as it says."""
    wait = watch.look(lambda rows: None)
    machine.clock.now += wait


def rounds(watch: Watch, machine: SimpleNamespace, seconds: float) -> None:
    """Do rounds for so many seconds."""
    end = machine.clock.now + seconds
    while machine.clock.now < end:
        one_round(watch, machine)


def test_the_first_round_reads_every_process(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), dict.fromkeys(range(1, 31), 0.5))
    watch = watching(machine)
    watch.look(lambda rows: None)
    assert machine.reads == list(range(1, 31))
    assert all(row.live == 504_000 for row in watch.rows())


def test_a_small_heap_is_read_every_round(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {1: 0.001})
    watch = watching(machine)
    for _ in range(50):
        one_round(watch, machine)
    assert len(machine.reads) == 50


def test_a_big_heap_rests_for_twenty_times_its_reading(made_up: SimpleNamespace) -> None:
    clock = made_up.Clock()
    machine = made_up.Machine(clock, {1: 1.0})
    ends = []

    def read(pid: int) -> dict[str, object]:
        begun = clock.now
        heap = machine.read(pid)
        if ends:
            assert begun - ends[-1] >= REST * 1.0
        ends.append(clock.now)
        return heap

    rounds(Watch(machine.find, read, 2.0, clock), machine, 220)
    assert len(ends) >= 10, "and is read again then"


@pytest.mark.parametrize("cost", [0.004, 0.1, 3.0])
def test_many_heaps_take_no_more_than_their_share(made_up: SimpleNamespace, cost: float) -> None:
    machine = made_up.Machine(made_up.Clock(), dict.fromkeys(range(1, 101), cost))
    watch = watching(machine)
    watch.look(lambda rows: None)
    machine.reads.clear()
    begun = machine.clock.now
    rounds(watch, machine, 600)
    share = len(machine.reads) * cost / (machine.clock.now - begun)
    assert share <= READING_SHARE + cost / 600
    assert share > READING_SHARE / 2, "and what it has it uses"


def test_all_heaps_have_their_turn(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {pid: 0.1 * pid for pid in range(1, 21)})
    watch = watching(machine)
    watch.look(lambda rows: None)
    machine.reads.clear()
    rounds(watch, machine, 1000)
    assert set(machine.reads) == set(range(1, 21))


def test_a_new_process_is_read_before_others_again(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), dict.fromkeys(range(1, 51), 0.1))
    watch = watching(machine)
    rounds(watch, machine, 100)
    machine.reads.clear()
    machine.costs[99] = 0.1
    rounds(watch, machine, 3)
    assert machine.reads[0] == 99


def test_short_lived_processes_take_no_more_than_the_share(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {1: 0.05})
    watch = watching(machine)
    watch.look(lambda rows: None)
    machine.reads.clear()
    begun = machine.clock.now
    for generation in range(200):
        machine.costs = dict.fromkeys(range(generation * 50, generation * 50 + 50), 0.05)
        one_round(watch, machine)
    assert len(machine.reads) * 0.05 <= READING_SHARE * (machine.clock.now - begun) + 0.05


def test_finding_many_processes_lengthens_the_interval(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {}, finding=0.2)
    watch = watching(machine)
    begun = machine.clock.now
    for _ in range(100):
        one_round(watch, machine)
    assert FINDING_SHARE * (machine.clock.now - begun) == pytest.approx(100 * 0.2)


def test_rows_are_shown_before_all_is_read(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {1: 0.3, 2: 0.3})
    shown = []
    watching(machine).look(lambda rows: shown.append([row.live is not None for row in rows]))
    assert shown == [[False, False], [True, False], [True, True], [True, True]]


def test_a_process_that_vanishes_is_forgotten(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {1: 0.01, 2: 0.01})
    watch = watching(machine)
    watch.look(lambda rows: None)
    del machine.costs[1]
    watch.look(lambda rows: None)
    assert [row.pid for row in watch.rows()] == [2]


def test_a_process_that_vanishes_while_it_is_read_says_so(made_up: SimpleNamespace) -> None:
    machine = made_up.Machine(made_up.Clock(), {1: 0.01, 2: 0.01})

    def read(pid: int) -> dict[str, object]:
        if pid == 1:
            raise ProcessLookupError("no such process: 1")
        return machine.read(pid)

    watch = Watch(machine.find, read, 2.0, machine.clock)
    watch.look(lambda rows: None)
    assert [(row.pid, row.why, row.live) for row in watch.rows()] == [
        (1, "gone", None),
        (2, "", 504_000),
    ]


def test_a_process_id_used_again_is_another_process(made_up: SimpleNamespace) -> None:
    clock = made_up.Clock()
    machine = made_up.Machine(clock, {1: 1.0})
    started = [1.0]
    watch = Watch(lambda: [made_up.process(1, started=started[0])], machine.read, 2.0, clock)
    watch.look(lambda rows: None)
    started[0] = 2.0
    clock.now += 2
    watch.look(lambda rows: None)
    assert machine.reads == [1, 1]
