"""`shoal.compact` refuses what it does not know; the rest of its tests is for what it knows."""

from __future__ import annotations

import sys
import sysconfig

import pytest

HAS_OTHER_COLLECTOR = (3, 14) <= sys.version_info < (3, 14, 5)
IS_KNOWN = (
    (3, 11) <= sys.version_info < (3, 16)
    and not HAS_OTHER_COLLECTOR
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)


@pytest.fixture(autouse=True)
def is_known():
    """Skip what needs objects to move."""
    if not IS_KNOWN:
        pytest.skip("compact() does not know this version")
