"""What a program gets by ``import memory_profiler`` where only Shoal is: Shoal's."""

import importlib
import sys

if __name__ == "__main__":
    from shoal.memory_profiler.__main__ import main

    sys.exit(main())
sys.modules[__name__] = importlib.import_module("shoal.memory_profiler")
