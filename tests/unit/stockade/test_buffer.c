/* Growing bytes. */
#include "tools/stockade/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_grows(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    assert_string_equal(buffer_string(&buffer), "");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&buffer, "%03d,", i);
    assert_int_equal(buffer.size, 4000);
    assert_memory_equal(buffer.data + 3996, "999,", 5);
    buffer_clear(&buffer);
    assert_string_equal(buffer_string(&buffer), "");
    buffer_byte(&buffer, 'x');
    buffer_add(&buffer, "", 0);
    buffer_text(&buffer, "yz");
    assert_string_equal(buffer_string(&buffer), "xyz");
    buffer_fini(&buffer);
    char *copy = must_copy("abc", 2);
    assert_string_equal(copy, "ab");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
