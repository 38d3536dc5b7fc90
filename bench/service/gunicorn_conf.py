"""Settings of gunicorn: forked workers that share what was loaded before.

The address, the number and the kind of the workers come from the command line; see server.py.
"""

from __future__ import annotations

import os
import signal
from typing import Any

preload_app = True
timeout = 60
graceful_timeout = 5
control_socket_disable = True  # of versions that have one

COMPACT_SHARE = float(os.environ.get("SERVICE_COMPACT", "0"))


def post_request(_worker: Any, _request: Any, _environ: Any, _response: Any) -> None:
    """Compact between requests where that is measured, for so much of the processor's time."""
    if COMPACT_SHARE:
        import shoal

        shoal.compact(least=0.5, share=COMPACT_SHARE)


def when_ready(server: Any) -> None:
    """Let the service stop after a while even when nobody is left to stop it."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.alarm(int(os.environ.get("SERVICE_LIMIT", "120")))
