#include "core/base/codec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t varint_of(const uint8_t *bytes, size_t size, int *bad)
{
    struct stk_reader in = stk_reader(bytes, size);
    uint64_t value = stk_get_varint(&in);
    *bad = in.bad;
    return value;
}

static void numbers_go_round(void **state)
{
    uint8_t bytes[64];
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        for (int around = -1; around <= 1; around++) {
            uint64_t value = (1ull << bit) + (uint64_t)(int64_t)around;
            uint8_t *end = stk_put_varint(bytes, value);
            assert_true(end - bytes <= STK_VARINT_MAX);
            end = stk_put_zigzag(end, (int64_t)value);
            end = stk_put_zigzag(end, -(int64_t)(value >> 1));
            end = stk_put_be64(end, value);
            end = stk_put_be32(end, (uint32_t)value);
            end = stk_put_be16(end, (uint16_t)value);
            *end++ = (uint8_t)value;
            struct stk_reader in = stk_reader(bytes, (uint64_t)(end - bytes));
            assert_int_equal(stk_get_varint(&in), value);
            assert_int_equal(stk_get_zigzag(&in), (int64_t)value);
            assert_int_equal(stk_get_zigzag(&in), -(int64_t)(value >> 1));
            assert_int_equal(stk_get_be64(&in), value);
            assert_int_equal(stk_get_be32(&in), (uint32_t)value);
            assert_int_equal(stk_get_be16(&in), (uint16_t)value);
            assert_int_equal(stk_get_u8(&in), (uint8_t)value);
            assert_int_equal(in.bad, 0);
            assert_ptr_equal(in.at, in.end);
        }
    }
}

/* The bytes themselves: they lie on disk. */
static void bytes_are_what_they_were(void **state)
{
    uint8_t bytes[16];
    (void)state;
    assert_int_equal(stk_put_varint(bytes, 300) - bytes, 2);
    assert_memory_equal(bytes, "\xac\x02", 2);
    assert_int_equal(stk_put_zigzag(bytes, -1) - bytes, 1);
    assert_int_equal(bytes[0], 1);
    stk_put_be64(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    stk_put_be32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    stk_put_be16(bytes, 0x0102);
    assert_memory_equal(bytes, "\1\2", 2);
    stk_put_hash(bytes, (struct stk_hash){.low = 0x0807060504030201, .high = 9});
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10\11\0\0\0\0\0\0\0", 16);
}

static void big_endian_keeps_order(void **state)
{
    uint8_t a[8], b[8];
    (void)state;
    for (uint64_t value = 1; value; value <<= 1) {
        stk_put_be64(a, value - 1);
        stk_put_be64(b, value);
        assert_true(memcmp(a, b, 8) < 0);
    }
}

static void bad_varints_are_refused(void **state)
{
    int bad;
    (void)state;
    assert_int_equal(
        varint_of((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, &bad),
        UINT64_MAX);
    assert_int_equal(bad, 0);
    /* the tenth byte has one bit only, and there is no eleventh */
    assert_int_equal(
        varint_of((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &bad), 0);
    assert_int_equal(bad, 1);
    assert_int_equal(
        varint_of((const uint8_t *)"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, &bad), 0);
    assert_int_equal(bad, 1);
    assert_int_equal(varint_of((const uint8_t *)"\x80", 1, &bad), 0);
    assert_int_equal(bad, 1);
    assert_int_equal(varint_of(NULL, 0, &bad), 0);
    assert_int_equal(bad, 1);
}

static void views_stay_inside(void **state)
{
    uint8_t bytes[64];
    (void)state;
    uint8_t *end = stk_put_bytes(bytes, "abc", 3);
    end = stk_put_bytes(end, NULL, 0);
    end = stk_put_hash(end, (struct stk_hash){.low = 1, .high = 2});
    struct stk_reader in = stk_reader(bytes, (uint64_t)(end - bytes));
    struct stk_bytes view = stk_get_bytes(&in);
    assert_int_equal(view.size, 3);
    assert_ptr_equal(view.data, (const char *)bytes + 1);
    assert_int_equal(stk_get_bytes(&in).size, 0);
    struct stk_hash hash = stk_get_hash(&in);
    assert_true(hash.low == 1 && hash.high == 2);
    assert_int_equal(in.bad, 0);
    /* a length that lies, by a little and by more than 32 bits */
    in = stk_reader("\4abc", 4);
    assert_int_equal(stk_get_bytes(&in).size, 0);
    assert_int_equal(in.bad, 1);
    end = stk_put_varint(bytes, (1ull << 32) + 1);
    in = stk_reader(bytes, (uint64_t)(end - bytes) + 1);
    assert_int_equal(stk_get_bytes(&in).size, 0);
    assert_int_equal(in.bad, 1);
}

/* Every getter on every buffer that is too short: 0, bad, and nothing after it reads either. */
static void a_fault_sticks(void **state)
{
    (void)state;
    for (unsigned size = 0; size < 16; size++) {
        for (int getter = 0; getter < 5; getter++) {
            static const unsigned need[] = {1, 2, 4, 8, 16};
            uint8_t *exact = malloc(size + 1); /* a sanitizer sees a read beyond */
            memset(exact, 1, size + 1);
            struct stk_reader in = stk_reader(exact + 1, size);
            uint64_t got = 7;
            if (getter == 0)
                got = stk_get_u8(&in);
            else if (getter == 1)
                got = stk_get_be16(&in);
            else if (getter == 2)
                got = stk_get_be32(&in);
            else if (getter == 3)
                got = stk_get_be64(&in);
            else
                got = stk_get_hash(&in).high;
            assert_int_equal(in.bad, size < need[getter]);
            if (in.bad) {
                assert_int_equal(got, 0);
                assert_int_equal(stk_get_u8(&in), 0);
                assert_int_equal(stk_get_varint(&in), 0);
            }
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_round),       cmocka_unit_test(bytes_are_what_they_were),
        cmocka_unit_test(big_endian_keeps_order), cmocka_unit_test(bad_varints_are_refused),
        cmocka_unit_test(views_stay_inside),      cmocka_unit_test(a_fault_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
