#include "core/base/fault.h"
#include "core/state/allot.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define POOLS     7
#define LOCATIONS 6

static struct stk_allot scratch;
static uint64_t seed = 20220131;

static uint64_t draw(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 24) % below;
}

struct world { /* small enough to look at every subset */
    uint64_t stock[LOCATIONS];
    uint64_t mask[POOLS], units[POOLS];
    unsigned pools;
};

/* The invariant in its own words: the worst excess over all subsets of pools; `with` one more
 * demand when its mask is not 0. */
static int64_t worst(const struct world *w, uint64_t mask, uint64_t units)
{
    int64_t most = 0;
    for (unsigned set = 0; set < 2u << w->pools; set++) {
        uint64_t where = 0, sum = 0;
        int64_t over;
        for (unsigned i = 0; i < w->pools; i++)
            if (set >> i & 1) {
                where |= w->mask[i];
                sum += w->units[i];
            }
        if (set >> w->pools & 1) {
            where |= mask;
            sum += units;
        }
        over = (int64_t)sum;
        for (unsigned l = 0; l < LOCATIONS; l++)
            if (where >> l & 1)
                over -= (int64_t)w->stock[l];
        if (over > most)
            most = over;
    }
    return most;
}

static void load(const struct world *w)
{
    stk_allot_init(&scratch);
    for (stk_location_t l = 0; l < LOCATIONS; l++)
        stk_allot_stock(&scratch, l, w->stock[l]);
    for (unsigned i = 0; i < w->pools; i++)
        assert_int_equal(stk_allot_add(&scratch, w->mask[i], w->units[i]), STK_OK);
}

static void world_draw(struct world *w)
{
    uint64_t deep = 1 + draw(6), masks = 1 + draw(1u << LOCATIONS);
    w->pools = (unsigned)draw(POOLS + 1);
    for (unsigned l = 0; l < LOCATIONS; l++)
        w->stock[l] = draw(4) ? draw(deep + 1) : 0;
    for (unsigned i = 0; i < w->pools; i++) {
        w->mask[i] = draw(masks) + (draw(8) ? 1 : 0);
        w->mask[i] &= (1u << LOCATIONS) - 1;
        w->units[i] = draw(deep + 1);
    }
}

static void as_every_subset_says(void **state)
{
    unsigned held = 0, broken = 0, raised = 0;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct world w = {0};
        uint64_t mask = draw(1u << LOCATIONS), room;
        world_draw(&w);
        load(&w);
        assert_int_equal(stk_allot_missing(&scratch), worst(&w, 0, 0));
        room = stk_allot_room(&scratch, mask);
        if (worst(&w, 0, 0)) {
            assert_int_equal(room, 0);
            broken++;
            continue;
        }
        held++;
        raised += room > 0;
        assert_int_equal(worst(&w, mask, room), 0);
        assert_true(worst(&w, mask, room + 1) > 0);
        assert_true(stk_allot_keeps(&scratch, mask, room));
        assert_false(stk_allot_keeps(&scratch, mask, room + 1));
        /* asked again, and after the others: the same */
        assert_int_equal(stk_allot_missing(&scratch), 0);
        assert_int_equal(stk_allot_room(&scratch, mask), room);
    }
    assert_true(held > 3000 && broken > 3000 && raised > 1500);
}

/* What room says of one location is what a hold may take there. */
static void what_is_taken_at_a_location_is_room_there(void **state)
{
    unsigned taken = 0;
    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        struct world w = {0};
        stk_location_t l = (stk_location_t)draw(LOCATIONS);
        uint64_t room;
        world_draw(&w);
        if (worst(&w, 0, 0))
            continue;
        load(&w);
        room = stk_allot_room(&scratch, UINT64_C(1) << l);
        assert_true(room <= w.stock[l]);
        taken += room > 0;
        w.stock[l] -= room;
        stk_allot_stock(&scratch, l, w.stock[l]);
        assert_int_equal(stk_allot_missing(&scratch), 0);
        assert_int_equal(stk_allot_room(&scratch, UINT64_C(1) << l), 0);
        assert_int_equal(worst(&w, 0, 0), 0);
    }
    assert_true(taken > 500);
}

static void the_usual_case_is_an_addition(void **state)
{
    (void)state;
    stk_allot_init(&scratch);
    assert_int_equal(stk_allot_room(&scratch, 3), 0);
    stk_allot_stock(&scratch, 0, 10);
    stk_allot_stock(&scratch, 1, 5);
    assert_int_equal(stk_allot_room(&scratch, 3), 15);
    assert_int_equal(stk_allot_room(&scratch, 2), 5);
    stk_allot_add(&scratch, 3, 4);
    stk_allot_add(&scratch, 3, 6);
    stk_allot_add(&scratch, 3, 0);
    assert_int_equal(scratch.count, 1);
    assert_int_equal(stk_allot_room(&scratch, 3), 5);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    stk_allot_add(&scratch, 3, 6);
    assert_int_equal(stk_allot_missing(&scratch), 1);
    assert_int_equal(stk_allot_room(&scratch, 3), 0);
    stk_allot_stock(&scratch, 1, UINT32_MAX);
    assert_int_equal(stk_allot_room(&scratch, 3), UINT64_C(10) + UINT32_MAX - 16);
}

/* A channel that ships from one warehouse is not served by stock in another. */
static void one_sum_over_all_locations_would_not_do(void **state)
{
    (void)state;
    stk_allot_init(&scratch);
    stk_allot_stock(&scratch, 0, 2);
    stk_allot_stock(&scratch, 63, 5);
    stk_allot_add(&scratch, 1, 2);
    assert_int_equal(stk_allot_room(&scratch, 1), 0);
    assert_int_equal(stk_allot_room(&scratch, UINT64_C(1) << 63 | 1), 5);
    stk_allot_add(&scratch, UINT64_C(1) << 63 | 1, 5);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    assert_int_equal(stk_allot_room(&scratch, UINT64_C(1) << 63), 0);
}

static void nothing_rises_beside_an_unknown_pool(void **state)
{
    (void)state;
    stk_allot_init(&scratch);
    stk_allot_stock(&scratch, 0, 5);
    stk_allot_stock(&scratch, 1, 5);
    assert_int_equal(stk_allot_add(&scratch, 1, STK_ALLOT_UNKNOWN), STK_OK);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    assert_int_equal(stk_allot_room(&scratch, 1), 0);
    assert_int_equal(stk_allot_room(&scratch, 3), 0);
    assert_int_equal(stk_allot_room(&scratch, 2), 5);
}

static void too_many_masks_are_refused(void **state)
{
    (void)state;
    stk_allot_init(&scratch);
    for (stk_location_t l = 0; l < STK_LOCATIONS_MAX; l++)
        stk_allot_stock(&scratch, l, 3);
    for (unsigned i = 0; i < STK_ALLOT_GROUPS_MAX; i++)
        assert_int_equal(stk_allot_add(&scratch, UINT64_C(1) << i, 1), STK_OK);
    assert_int_equal(stk_allot_add(&scratch, 3, 1), STK_FULL);
    assert_int_equal(stk_allot_add(&scratch, 1, 1), STK_OK);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    assert_int_equal(stk_allot_room(&scratch, ~UINT64_C(0)), 3 * 64 - 65);
    assert_int_equal(stk_allot_room(&scratch, 1), 1);
}

/* A chain of rerouting through every location: the longest route there is. */
static void a_demand_may_push_all_the_others_on(void **state)
{
    (void)state;
    stk_allot_init(&scratch);
    for (stk_location_t l = 0; l < STK_LOCATIONS_MAX; l++)
        stk_allot_stock(&scratch, l, 1000);
    for (unsigned i = 0; i < STK_LOCATIONS_MAX - 1; i++)
        assert_int_equal(stk_allot_add(&scratch, UINT64_C(3) << i, 1000), STK_OK);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    assert_int_equal(stk_allot_room(&scratch, 1), 1000);
    assert_int_equal(stk_allot_room(&scratch, UINT64_C(1) << 63), 1000);
    assert_int_equal(stk_allot_room(&scratch, ~UINT64_C(0)), 1000);
    assert_int_equal(stk_allot_add(&scratch, UINT64_C(1) << 63, 1000), STK_OK);
    assert_int_equal(stk_allot_missing(&scratch), 0);
    assert_int_equal(stk_allot_room(&scratch, 1), 0);
}

static void planted_one_sum_sees_no_location(void **state)
{
    (void)state;
    assert_int_equal(stk_fault_init("plant.allot_one_sum:1:always", NULL), STK_OK);
    stk_allot_init(&scratch);
    stk_allot_stock(&scratch, 0, 2);
    stk_allot_stock(&scratch, 1, 5);
    stk_allot_add(&scratch, 1, 2);
    assert_int_equal(stk_allot_room(&scratch, 1), 5);
    stk_fault_init(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_every_subset_says),
        cmocka_unit_test(what_is_taken_at_a_location_is_room_there),
        cmocka_unit_test(the_usual_case_is_an_addition),
        cmocka_unit_test(one_sum_over_all_locations_would_not_do),
        cmocka_unit_test(nothing_rises_beside_an_unknown_pool),
        cmocka_unit_test(too_many_masks_are_refused),
        cmocka_unit_test(a_demand_may_push_all_the_others_on),
        cmocka_unit_test(planted_one_sum_sees_no_location),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
