# SPDX-License-Identifier: GPL-2.0-only
"""Run all tests of the store and close with the count."""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    suite = unittest.defaultTestLoader.discover(HERE, "test_*.py")
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    ring = subprocess.run([f"{os.environ['UNIT_BUILD']}/ring_test"], check=False)
    passed, failed = (passed, failed + 1) if ring.returncode else (passed + 1, failed)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
