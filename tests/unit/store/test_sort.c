/* The sort against the library's, with what stands first among equals. */
#include "core/store/sort.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int by_key_then_place(const void *a, const void *b)
{
    const struct stk_sort_item *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

static void test_against_qsort(void **state)
{
    (void)state;
    enum { MOST = 5000 };
    static struct stk_sort_item items[MOST], spare[MOST], expected[MOST];
    static const uint64_t masks[] = {~0ull, 0xff, 0xff00ff00ull, 0x8000000000000001ull, 0, 7};
    unsigned seed = 5;
    for (unsigned round = 0; round < 120; round++) {
        uint32_t count = round < 4 ? round : (uint32_t)rand_r(&seed) % MOST;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t key = ((uint64_t)rand_r(&seed) << 40) ^ ((uint64_t)rand_r(&seed) << 20) ^
                           (uint64_t)rand_r(&seed);
            if (round % 7 == 6)
                key = i / 3; /* in order already */
            items[i] = (struct stk_sort_item){key & masks[round % 6], i, ~i};
        }
        memcpy(expected, items, sizeof(items));
        qsort(expected, count, sizeof(*expected), by_key_then_place);
        stk_sort(items, spare, count);
        assert_memory_equal(items, expected, count * sizeof(*items));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_qsort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
