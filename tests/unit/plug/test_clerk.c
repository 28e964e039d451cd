/* Commands out, durable answers back, bounded. */
#include "core/base/limits.h"
#include "core/plug/clerk.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fixture f;
static struct stk_clerk clerk;
static struct stk_error err;
static struct stk_value values[64];
static uint64_t numbers;
static enum stk_status last;

static void answered(void *arg, uint64_t number, enum stk_status status,
                     const struct stk_value *answer)
{
    (void)arg;
    numbers += number;
    last = status;
    assert_non_null(answer);
}

static enum stk_status put(const char *location, uint64_t number)
{
    struct stk_tree tree = stk_tree(values, 64);
    struct stk_twig map = stk_twig_map(&tree, 4);
    stk_twig_text(&map, "source", "test");
    stk_twig_text(&map, "location", location);
    struct stk_value params = stk_value_of_twig(&map, 1);
    return stk_clerk_send(&clerk, stk_verb_by_number(STK_VERB_LOCATION_PUT), &params, 256, answered,
                          NULL, number, &err);
}

static void there_and_back(void **state)
{
    (void)state;
    assert_int_equal(put("main", 5), STK_OK);
    stk_clerk_publish(&clerk);
    f.log.manual = 1;
    stk_engine_turn(f.engine);
    stk_clerk_drain(&clerk);
    assert_int_equal(numbers, 0); /* not durable yet */
    memory_log_flush(&f.log, 8);
    stk_clerk_drain(&clerk);
    assert_int_equal(numbers, 5);
    assert_int_equal(last, STK_OK);
    assert_int_equal(clerk.open, 0);
}

static void refused_here(void **state)
{
    char name[STK_ID_MAX + 2] = {0};
    (void)state;
    memset(name, 'x', STK_ID_MAX + 1);
    assert_int_equal(put(name, 1), STK_INVALID);
    assert_non_null(strstr(err.text, "location"));
    assert_int_equal(clerk.open, 0);
}

static void bounded(void **state)
{
    uint32_t taken = 0;
    (void)state;
    while (put("main", 1) == STK_OK)
        taken++;
    assert_int_equal(taken, STK_CLERK_OPEN_MAX);
    assert_int_equal(put("main", 1), STK_BUSY);
    numbers = 0;
    stk_clerk_publish(&clerk);
    f.log.manual = 0;
    while (clerk.open) {
        stk_engine_turn(f.engine);
        stk_clerk_drain(&clerk);
    }
    assert_int_equal(numbers, STK_CLERK_OPEN_MAX);
}

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    numbers = 0;
    return stk_clerk_init(&clerk, f.inbox, 0, &err);
}

static int teardown(void **state)
{
    (void)state;
    stk_clerk_fini(&clerk);
    fixture_fini(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_here, setup, teardown),
        cmocka_unit_test_setup_teardown(bounded, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
