"""The fork tests of multiprocessing, for interpreters shipped without this module.

Some builds of CPython leave the module out and keep ``test._test_multiprocessing``,
where the tests themselves are. This is all that the missing module does.
"""

import unittest

import test._test_multiprocessing

test._test_multiprocessing.install_tests_in_module_dict(globals(), "fork")

if __name__ == "__main__":
    unittest.main()
