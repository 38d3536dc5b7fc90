"""What a program gets by ``import mprof`` where only Shoal is: Shoal's."""

import importlib
import sys

if __name__ == "__main__":
    from shoal.mprof.command import main

    sys.exit(main())
sys.modules[__name__] = importlib.import_module("shoal.mprof")
