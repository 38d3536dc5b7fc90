"""The thread that watches while the table stays quick to every key."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shoal.top.rows import Row
    from shoal.top.watch import Watch

__all__ = ["Background"]


class Background:
    """Looks again and again in a thread of its own, which never delays the end of the program.

    Parameters
    ----------
    watch : Watch
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._stopping = threading.Event()
        self._running = threading.Event()
        self._running.set()

    def start(
        self, publish: Callable[[list[Row]], None], fail: Callable[[Exception], None]
    ) -> None:
        """Begin; the callables are called in the thread, `fail` once, as the last."""
        threading.Thread(
            target=self._look_on, args=(publish, fail), name="shoal top", daemon=True
        ).start()

    def pause(self, paused: bool) -> None:
        """Stop looking after the process at hand, or go on."""
        if paused:
            self._running.clear()
        else:
            self._running.set()

    def stop(self) -> None:
        """End, without waiting for a read that is under way."""
        self._stopping.set()
        self._running.set()

    def _look_on(
        self, publish: Callable[[list[Row]], None], fail: Callable[[Exception], None]
    ) -> None:
        def pass_on(rows: list[Row]) -> None:
            self._running.wait()
            if not self._stopping.is_set():
                publish(rows)

        try:
            while not self._stopping.is_set():
                seconds = self._watch.look(pass_on)
                self._stopping.wait(seconds)
                self._running.wait()
        except Exception as error:
            if not self._stopping.is_set():
                fail(error)
