"""Settings of gunicorn: forked sync workers that share what was loaded before.

The address and the number of workers come from the command line; see run.py.
"""

from __future__ import annotations

import os
import signal
from typing import Any

preload_app = True
worker_class = "sync"
timeout = 60
graceful_timeout = 5
control_socket_disable = True  # of versions that have one


def when_ready(server: Any) -> None:
    """Let the service stop after a while even when nobody is left to stop it."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.alarm(int(os.environ.get("SERVICE_LIMIT", "120")))
