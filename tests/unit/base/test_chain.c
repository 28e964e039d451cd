#include "core/base/chain.h"
#include "core/base/mem.h"
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long allocations;

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return malloc(size);
}

static void *counted_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return realloc(old, size);
}

static void plain_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    free(memory);
}

/* sha256sum of 32 zero bytes, and of 32 zero bytes followed by "abc". */
static void hashes_are_sha256_of_both_parts(void **state)
{
    static const uint8_t zeros[STK_CHAIN_BYTES];
    static const uint8_t of_zeros[] = {0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77,
                                       0x6c, 0x8f, 0xc1, 0x8b, 0x8e, 0x9f, 0x8e, 0x20,
                                       0x08, 0x97, 0x14, 0x85, 0x6e, 0xe2, 0x33, 0xb3,
                                       0x90, 0x2a, 0x59, 0x1d, 0x0d, 0x5f, 0x29, 0x25};
    static const uint8_t of_zeros_abc[] = {0x36, 0x5a, 0xa7, 0xd8, 0xf7, 0xf9, 0x40, 0x2c,
                                           0x4b, 0x94, 0x34, 0x50, 0x2b, 0x4c, 0xc8, 0x9d,
                                           0xdb, 0x09, 0xfe, 0x50, 0xd7, 0xcd, 0x95, 0xb4,
                                           0x93, 0xb8, 0x34, 0xc6, 0x2d, 0x5a, 0x53, 0x70};
    uint8_t out[STK_CHAIN_BYTES], again[STK_CHAIN_BYTES];
    struct stk_chain *chain = stk_chain_create();
    (void)state;
    assert_non_null(chain);
    stk_chain_next(chain, zeros, "", 0, out);
    assert_memory_equal(out, of_zeros, sizeof out);
    stk_chain_next(chain, zeros, "abc", 3, out);
    assert_memory_equal(out, of_zeros_abc, sizeof out);
    stk_chain_next(chain, of_zeros, "abc", 3, again);
    assert_memory_not_equal(out, again, sizeof out);
    stk_chain_next(chain, zeros, "abc", 3, again);
    assert_memory_equal(out, again, sizeof out);
    memcpy(out, zeros, sizeof out);
    stk_chain_next(chain, out, "abc", 3, out); /* in place */
    assert_memory_equal(out, again, sizeof out);
    stk_chain_destroy(chain);
    stk_chain_destroy(NULL);
}

static void a_step_allocates_nothing(void **state)
{
    uint8_t link[STK_CHAIN_BYTES] = {0};
    char data[1000] = {1};
    struct stk_chain *chain = stk_chain_create();
    (void)state;
    allocations = 0;
    OPENSSL_free(OPENSSL_malloc(1));
    assert_int_equal(allocations, 1); /* the count works */
    int64_t ours = stk_alloc_calls();
    for (int i = 0; i < 100; i++)
        stk_chain_next(chain, link, data, sizeof data, link);
    assert_int_equal(allocations, 1);
    assert_int_equal(stk_alloc_calls(), ours);
    stk_chain_destroy(chain);
}

static void create_reports_out_of_memory(void **state)
{
    (void)state;
    stk_alloc_fail_at(1, 1);
    assert_null(stk_chain_create());
    stk_alloc_fail_at(0, 0);
}

static void pieces_hash_as_the_whole(void **state)
{
    uint8_t zeros[STK_CHAIN_BYTES] = {0}, whole[STK_CHAIN_BYTES], pieces[STK_CHAIN_BYTES];
    struct stk_chain *chain = stk_chain_create();
    (void)state;
    assert_non_null(chain);
    stk_chain_next(chain, zeros, "abcdef", 6, whole);
    stk_chain_begin(chain);
    stk_chain_add(chain, zeros, 10);
    stk_chain_add(chain, zeros + 10, sizeof(zeros) - 10);
    stk_chain_add(chain, "abc", 3);
    stk_chain_add(chain, "", 0);
    stk_chain_add(chain, "def", 3);
    stk_chain_end(chain, pieces);
    assert_memory_equal(whole, pieces, sizeof(whole));
    stk_chain_destroy(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_sha256_of_both_parts),
        cmocka_unit_test(pieces_hash_as_the_whole),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(create_reports_out_of_memory),
    };
    if (!CRYPTO_set_mem_functions(counted_malloc, counted_realloc, plain_free))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
