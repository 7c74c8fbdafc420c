# SPDX-License-Identifier: Apache-2.0
# unittest.main() on this file: one failure, status 1, source lines in the report.
import unittest


class Sums(unittest.TestCase):
    def test_good(self):
        self.assertEqual(1 + 1, 2)

    def test_bad(self):
        self.assertEqual([1, 2, 3], [1, 2, 4])

    @unittest.skip("not today")
    def test_skipped(self):
        pass


suite = unittest.defaultTestLoader.loadTestsFromTestCase(Sums)
result = unittest.TextTestRunner(verbosity=0, stream=open("report", "w")).run(suite)
print(result.testsRun, len(result.failures), len(result.skipped))
print(result.failures[0][1])
print(unittest.main(argv=["script.py", "Sums.test_good"], exit=False, testRunner=unittest.TextTestRunner(open("report", "w"))).result.wasSuccessful())
