/* Sums that are kept, against sums that are made from scratch. */
#include "core/flow/accuracy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR   INT64_C(3600000)
#define MONDAY INT64_C(1795392000000)

static void test_shares(void **state)
{
    struct stk_accuracy accuracy;
    struct stk_accuracy_view view;
    (void)state;
    stk_accuracy_init(&accuracy, HOUR / 4);
    view = stk_accuracy_view(&accuracy, MONDAY, HOUR);
    assert_int_equal(view.right_ppm, 0);
    for (int i = 0; i < 3; i++)
        stk_accuracy_add(&accuracy, 1, MONDAY);
    stk_accuracy_add(&accuracy, 0, MONDAY);
    view = stk_accuracy_view(&accuracy, MONDAY, HOUR);
    assert_int_equal(view.right_ppm, 750000);
    assert_int_equal(view.known_ppm, 1000000);
    /* an hour after the end of its slot each weighs half: the share stays, the knowledge fades */
    view = stk_accuracy_view(&accuracy, MONDAY + HOUR / 4 + HOUR, HOUR);
    assert_int_equal(view.right_ppm, 750000);
    assert_int_equal(view.known_ppm, 500000);
    /* a fresh wrong one weighs twice as much as an old right one */
    stk_accuracy_add(&accuracy, 0, MONDAY + HOUR + HOUR / 4);
    view = stk_accuracy_view(&accuracy, MONDAY + HOUR + HOUR / 4, HOUR);
    assert_int_equal(view.right_ppm, 1500000 / 3);
    stk_accuracy_add(&accuracy, 0, 0);
    stk_accuracy_add(&accuracy, 1, 0);
    view = stk_accuracy_view(&accuracy, MONDAY + HOUR + HOUR / 4, HOUR);
    assert_int_equal(view.unseen, 2);
    assert_int_equal(view.right_ppm, 500000);
    assert_int_equal(view.known_ppm, 3000000 / 7);
}

static void test_replacing_is_exact(void **state)
{
    enum { LISTINGS = 300 };
    static struct {
        int right;
        stk_time_t at;
    } listing[LISTINGS];
    struct stk_accuracy kept, fresh;
    unsigned seed = 11;
    stk_time_t now = MONDAY;
    (void)state;
    stk_accuracy_init(&kept, HOUR / 4);
    for (int i = 0; i < LISTINGS; i++)
        stk_accuracy_add(&kept, 0, 0);
    for (int step = 0; step < 60000; step++) {
        int i = rand_r(&seed) % LISTINGS;
        stk_accuracy_remove(&kept, listing[i].right, listing[i].at);
        listing[i].right = rand_r(&seed) % 2;
        listing[i].at = rand_r(&seed) % 50 ? now - rand_r(&seed) % (int)(40 * HOUR) : 0;
        stk_accuracy_add(&kept, listing[i].right, listing[i].at);
        now += rand_r(&seed) % 30000 + (rand_r(&seed) % 5000 == 0) * 60 * HOUR;
    }
    stk_accuracy_init(&fresh, HOUR / 4);
    stk_accuracy_add(&fresh, 1, kept.newest * kept.slot_ms); /* brings the ring to its place */
    stk_accuracy_remove(&fresh, 1, kept.newest * kept.slot_ms);
    for (int i = 0; i < LISTINGS; i++)
        stk_accuracy_add(&fresh, listing[i].right, listing[i].at);
    assert_memory_equal(&kept, &fresh, sizeof kept);
    for (int i = 0; i < LISTINGS; i++)
        stk_accuracy_remove(&kept, listing[i].right, listing[i].at);
    assert_int_equal(stk_accuracy_view(&kept, now, HOUR).right, 0);
    assert_int_equal(kept.old_right + kept.old_wrong + kept.unseen, 0);
}

static void test_a_million_listings(void **state)
{
    struct stk_accuracy accuracy;
    struct stk_accuracy_view view;
    (void)state;
    stk_accuracy_init(&accuracy, HOUR / 4);
    for (int i = 0; i < 1000000; i++)
        stk_accuracy_add(&accuracy, i % 1000 != 0, MONDAY + i % 86400 * 1000);
    view = stk_accuracy_view(&accuracy, MONDAY + 24 * HOUR, 24 * HOUR);
    assert_int_equal(view.right + view.wrong, 1000000);
    assert_in_range(view.right_ppm, 998900, 999100);
    assert_in_range(view.known_ppm, 690000, 700000); /* ln 2 of them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_replacing_is_exact),
        cmocka_unit_test(test_a_million_listings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
