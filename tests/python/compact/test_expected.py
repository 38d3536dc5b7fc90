"""What `shoal.compact` says it will take, and when it does not even begin."""

from __future__ import annotations

import textwrap

KEEP = """
import shoal
from shoal import compacting
def keep(of):
    return [[float(i), str(i)] for i in range({count})][::of]
"""


def keep(rest, count=100_000):
    return KEEP.format(count=count) + textwrap.dedent(rest)


def test_the_limit_of_time_goes_by_what_is_told(on_shoal):
    few, many, below, above = on_shoal(
        keep("""
            few = shoal.compact(dry_run=True, least=0).expected
            kept = keep(5)
            many = shoal.compact(dry_run=True, least=0).expected
            answer = [few, many, shoal.compact(seconds=many * 0.9).skipped]
            answer.append(shoal.compact(seconds=many * 1.1).skipped)
        """)
    )
    assert 0 < few < many / 2
    assert below.startswith("it would take about")
    assert above == ""


def test_it_is_learnt_from_those_before(on_shoal):
    first, again = on_shoal(
        keep("""
            pace, compacting._TELLING = compacting._costs.pace, 0  # however fast this is
            kept = keep(5)
            shoal.compact()
            answer = [pace, compacting._costs.pace]
        """)
    )
    assert first == 1
    assert again != 1


def test_looking_costs_half_of_the_share_at_most(on_shoal):
    """After each of many short requests."""
    looks, skipped = on_shoal(
        keep("""
            from shoal import _compact
            kept, looks, figures = keep(2), [], _compact.figures
            _compact.figures = lambda: looks.append(1) or figures()
            for _ in range(2000):
                report = shoal.compact(share=1e-6)
            answer = [len(looks), report.skipped]
        """)
    )
    assert looks == 1
    assert skipped == "compactions would take more than 0.0% of the processor time so far"


def test_nothing_is_looked_at_where_blocks_lie_together(on_shoal):
    skipped, seconds, stayed, looked = on_shoal(
        keep("""
            kept = keep(1)
            report = shoal.compact(least=0)
            again = shoal.compact(least=0)
            dry = shoal.compact(least=0, dry_run=True)
            answer = [again.skipped, list(again.seconds), again.stayed, len(dry.stayed)]
        """)
    )
    assert skipped.startswith("pools of ")
    assert skipped.endswith(" bytes could be emptied at most")
    assert seconds == ["collect"]
    assert stayed == []
    assert looked > 0
