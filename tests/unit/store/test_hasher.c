/* The hasher gives what the chain gives, by its thread or without it. */
#include "core/store/hasher.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_same_as_the_chain(void **state)
{
    (void)state;
    enum { LARGEST = 1000000 };
    static const size_t sizes[] = {1, 100, 24 * 1024 - 1, 24 * 1024, 24 * 1024 + 1, LARGEST};
    struct stk_hasher *hasher;
    struct stk_chain *chain = stk_chain_create();
    uint8_t *data = malloc(LARGEST);
    uint8_t own[STK_CHAIN_BYTES] = {0}, expected[STK_CHAIN_BYTES] = {0};
    assert_int_equal(stk_hasher_create(&hasher, NULL), STK_OK);
    for (int round = 0; round < 200; round++) {
        size_t size = sizes[round % 6];
        memset(data, round, size);
        stk_hasher_begin(hasher, own, data, size);
        stk_chain_next(chain, expected, data, size, expected);
        stk_hasher_end(hasher, own);
        assert_memory_equal(own, expected, sizeof(own));
    }
    stk_hasher_destroy(hasher);
    stk_hasher_destroy(NULL);
    stk_chain_destroy(chain);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_the_chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
