# SPDX-License-Identifier: Apache-2.0
"""A fixed sample of CPython's own tests, in cells. All of them, beside plain python3: make test-cpython."""

import concurrent.futures

import modules
import pytest

SAMPLE = """
    test_array test_atexit test_baseexception test_builtin test_bytes test_call test_codeccallbacks test_contextlib_async test_copy
    test_coroutines test_dict test_epoll test_except_star test_exception_group test_fileio test_finalization test_float test_frame test_fstring
    test_functools test_gettext test_grammar test_hash test_hashlib test_inspect test_int test_list test_locale test_memoryview test_patma
    test_re test_struct test_sys_setprofile test_syntax test_tempfile test_threading_local test_traceback test_unicode test_weakset test_zipimport
""".split()
AT_ONCE = 2


@pytest.fixture(scope="module")
def roomy(start_server):
    if not modules.SUITE.exists():
        pytest.skip("NOT TESTED: CPython's tests are not here; Debian's package libpython3.11-testsuite holds them")
    with modules.write_config() as config:
        server = start_server("--config", config.name)
    yield server
    server.stop()


def test_a_sample_of_cpythons_own_tests_passes_in_cells(roomy):
    assert len(set(SAMPLE)) == 40
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(SAMPLE, pool.map(lambda module: modules.run_in_cell(roomy, module), SAMPLE)))
    failed = {module: text[-2000:] for module, (passed, text) in answers.items() if not passed}
    assert not failed, "\n".join(f"{module}: {text}" for module, text in failed.items())
    assert sum(modules.count(text)[0] for _, text in answers.values()) > 4000  # they were not all skipped
