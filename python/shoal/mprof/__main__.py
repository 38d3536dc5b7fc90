"""``python -m shoal.mprof``."""

from __future__ import annotations

import sys

from shoal.mprof.command import main

if __name__ == "__main__":
    sys.exit(main())
