/* Countries by code, name, and other names. */
#include "tools/stockade/country.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *name, const char *want)
{
    char code[3] = "";
    if (!country_code(name, strlen(name), code) || strcmp(code, want))
        fail_msg("%s is '%s', want %s", name, code, want);
}

static void test_names(void **state)
{
    char code[3];
    (void)state;
    expect("gb", "GB");
    expect("United Kingdom", "GB");
    expect("EIRE", "IE");
    expect("U.S.A.", "US");
    expect("Côte d'Ivoire", "CI");
    expect("德国", "DE");
    assert_false(country_code("Unspecified", 11, code));
    assert_false(country_code("XX", 2, code));
    assert_false(country_code("", 0, code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
