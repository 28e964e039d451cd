#include "core/state/catalog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_catalog catalog;

static struct stk_bytes bytes(const char *text)
{
    return (struct stk_bytes){text, (uint32_t)strlen(text)};
}

static int setup(void **state)
{
    struct stk_catalog_capacity capacity = {
        .skus = 8, .cells = 6, .aliases = 5, .listings = 4, .components = 6, .text_bytes = 256};
    (void)state;
    assert_int_equal(stk_catalog_init(&catalog, &capacity, NULL), STK_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_catalog_fini(&catalog);
    return 0;
}

static stk_sku_t add(const char *id)
{
    stk_sku_t sku = STK_NONE;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes(id), &sku, NULL), STK_OK);
    return sku;
}

static stk_sku_t find(const char *name)
{
    return stk_catalog_find_sku(&catalog, bytes(name));
}

static enum stk_status alias(stk_sku_t sku, const char *a, const char *b, const char *c)
{
    struct stk_bytes names[3];
    uint32_t count = 0;
    const char *all[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (all[i])
            names[count++] = bytes(all[i]);
    return stk_catalog_set_aliases(&catalog, sku, names, count, NULL);
}

static void a_sku_is_found_by_its_id(void **state)
{
    stk_sku_t a = add("mug-red"), b = add("mug-blue");
    struct stk_bytes id = stk_catalog_sku_id(&catalog, b);
    (void)state;
    assert_int_equal(find("mug-red"), a);
    assert_int_equal(find("mug-blue"), b);
    assert_int_equal(find("mug"), STK_NONE);
    assert_int_equal(find(""), STK_NONE);
    assert_int_equal(id.size, 8);
    assert_memory_equal(id.data, "mug-blue", 8);
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("mug-red"), &(stk_sku_t){STK_NONE}, NULL),
                     STK_EXISTS);
    assert_int_equal(catalog.sku_count, 2);
    assert_int_equal(stk_catalog_next_sku(&catalog, 0), a);
    assert_int_equal(stk_catalog_next_sku(&catalog, a + 1), b);
    assert_int_equal(stk_catalog_next_sku(&catalog, b + 1), STK_NONE);
}

static void ids_of_every_length_are_kept(void **state)
{
    char id[STK_ID_MAX + 1];
    (void)state;
    for (uint32_t size = STK_ID_MAX - 7; size <= STK_ID_MAX; size++) {
        stk_sku_t sku = STK_NONE;
        memset(id, 'x', size);
        assert_int_equal(stk_catalog_add_sku(&catalog, (struct stk_bytes){id, size}, &sku, NULL),
                         STK_OK);
        assert_int_equal(stk_catalog_sku_id(&catalog, sku).size, size);
    }
    assert_int_equal(stk_catalog_find_sku(&catalog, (struct stk_bytes){id, STK_ID_MAX - 3}), 4);
}

static void a_full_catalogue_refuses_and_says_what_is_full(void **state)
{
    struct stk_error err;
    stk_sku_t sku;
    char id[16];
    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "s%d", i);
        add(id);
    }
    sku = STK_NONE;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("s9"), &sku, &err), STK_FULL);
    assert_non_null(strstr(err.text, "skus (8)"));
    assert_int_equal(find("s9"), STK_NONE);
    for (stk_location_t at = 0; at < 6; at++)
        assert_int_equal(stk_catalog_add_cell(&catalog, 0, at, &(stk_cell_t){0}, NULL), STK_OK);
    assert_int_equal(stk_catalog_add_cell(&catalog, 1, 0, &(stk_cell_t){0}, &err), STK_FULL);
    assert_non_null(strstr(err.text, "cells (6)"));
    assert_int_equal(alias(0, "a", "b", "c"), STK_OK);
    assert_int_equal(alias(1, "d", "e", "f"), STK_FULL);
    assert_int_equal(find("d"), STK_NONE);
    assert_int_equal(alias(1, "d", "e", NULL), STK_OK);
}

static void attributes_are_replaced_and_their_memory_is_used_again(void **state)
{
    stk_sku_t sku = add("a");
    char text[200];
    struct stk_bytes got;
    (void)state;
    memset(text, 'q', sizeof text);
    assert_int_equal(stk_catalog_attributes(&catalog, sku).size, 0);
    for (int i = 0; i < 50; i++) {
        uint32_t size = i % 3 == 0 ? 200 : i % 3 == 1 ? 17 : 0;
        text[0] = (char)i;
        assert_int_equal(
            stk_catalog_set_attributes(&catalog, sku, (struct stk_bytes){text, 0}, NULL), STK_OK);
        assert_int_equal(
            stk_catalog_set_attributes(&catalog, sku, (struct stk_bytes){text, size}, NULL),
            STK_OK);
        got = stk_catalog_attributes(&catalog, sku);
        assert_int_equal(got.size, size);
        if (size)
            assert_memory_equal(got.data, text, size);
    }
    assert_int_equal(stk_catalog_set_attributes(&catalog, sku, bytes("small"), NULL), STK_OK);
    assert_int_equal(stk_catalog_set_attributes(&catalog, sku, (struct stk_bytes){text, 200}, NULL),
                     STK_OK);
    add("b");
    assert_int_equal(stk_catalog_set_attributes(&catalog, 1, (struct stk_bytes){text, 200}, NULL),
                     STK_FULL);
    assert_int_equal(stk_catalog_attributes(&catalog, 1).size, 0);
    assert_int_equal(stk_catalog_attributes(&catalog, 0).size, 200);
}

static void aliases_lead_to_their_sku(void **state)
{
    stk_sku_t a = add("a"), b = add("b");
    (void)state;
    assert_int_equal(alias(a, "4006381", "old-a", "a"), STK_OK); /* its own id is no alias */
    assert_int_equal(find("4006381"), a);
    assert_int_equal(find("old-a"), a);
    assert_int_equal(catalog.aliases.used, 1 + 2);
    assert_int_equal(alias(b, "x", "old-a", NULL), STK_EXISTS);
    assert_int_equal(alias(b, "a", NULL, NULL), STK_EXISTS);
    assert_int_equal(find("x"), STK_NONE); /* nothing of it was done */
    assert_int_equal(alias(b, "x", "x", "x"), STK_OK);
    assert_int_equal(catalog.aliases.used, 1 + 3);
    /* what stays keeps its place, what went is free for others */
    assert_int_equal(alias(a, "4006381", NULL, NULL), STK_OK);
    assert_int_equal(catalog.aliases.used, 1 + 3);
    assert_int_equal(find("old-a"), STK_NONE);
    assert_int_equal(alias(b, "x", "old-a", NULL), STK_OK);
    assert_int_equal(find("old-a"), b);
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("x"), &(stk_sku_t){STK_NONE}, NULL),
                     STK_EXISTS);
    assert_int_equal(alias(a, NULL, NULL, NULL), STK_OK);
    assert_int_equal(find("4006381"), STK_NONE);
    assert_int_equal(find("a"), a);
}

static void cells_stand_in_the_order_of_locations(void **state)
{
    stk_sku_t a = add("a"), b = add("b");
    stk_cell_t cell, at;
    stk_location_t last = 0, order[] = {5, 2, 63, 0};
    unsigned count = 0;
    (void)state;
    assert_int_equal(stk_catalog_find_cell(&catalog, a, 5), STK_NONE);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(stk_catalog_add_cell(&catalog, a, order[i], &cell, NULL), STK_OK);
        assert_int_equal(stk_catalog_find_cell(&catalog, a, order[i]), cell);
    }
    for (at = stk_catalog_sku(&catalog, a)->first_cell; at != STK_NONE;
         at = stk_catalog_cell(&catalog, at)->next, count++) {
        struct stk_cell *c = stk_catalog_cell(&catalog, at);
        assert_true(count == 0 || c->location > last);
        assert_int_equal(c->sku, a);
        assert_int_equal(c->first_hold, STK_NONE);
        last = c->location;
    }
    assert_int_equal(count, 4);
    assert_int_equal(stk_catalog_find_cell(&catalog, a, 3), STK_NONE);
    assert_int_equal(stk_catalog_find_cell(&catalog, b, 5), STK_NONE);
    assert_int_equal(stk_catalog_cell_more(&catalog, cell)->first_move, 0);
}

/* Aliases that change for ever never use up their capacity, whatever their sizes; five are the most
 * at a time. */
static void aliases_may_change_for_ever(void **state)
{
    char names[3][STK_ID_MAX];
    uint64_t ids = 0;
    stk_sku_t a = add("a"), b = add("b");
    (void)state;
    for (int i = 0; i < 300000; i++) { /* five changes each */
        struct stk_bytes mine[3], others[2];
        for (int n = 0; n < 3; n++) {
            int size = snprintf(names[n], sizeof names[n], "%d-%d", i, n);
            int want = 1 + (i * 7 + n * 29) % STK_ID_MAX;
            memset(names[n] + size, 'x', sizeof names[n] - (size_t)size);
            mine[n] = (struct stk_bytes){names[n], (uint32_t)(want < size ? size : want)};
        }
        others[0] = mine[2], others[1] = mine[1];
        assert_int_equal(stk_catalog_set_aliases(&catalog, b, NULL, 0, NULL), STK_OK);
        assert_int_equal(stk_catalog_set_aliases(&catalog, a, mine, 3, NULL), STK_OK);
        assert_int_equal(stk_catalog_find_sku(&catalog, mine[2]), a);
        assert_int_equal(stk_catalog_set_aliases(&catalog, a, mine, 1, NULL), STK_OK);
        assert_int_equal(stk_catalog_set_aliases(&catalog, b, others, 2, NULL), STK_OK);
        assert_int_equal(stk_catalog_find_sku(&catalog, mine[0]), a);
        assert_int_equal(stk_catalog_find_sku(&catalog, mine[1]), b);
        assert_int_equal(stk_catalog_find_sku(&catalog, mine[2]), b);
        if (i == 1000)
            ids = catalog.ids_top;
    }
    assert_in_range(catalog.aliases.used, 1, 1 + 5);
    assert_int_equal(catalog.ids_top, ids); /* nor the bytes of their texts */
}

static void a_removed_sku_is_gone_with_all_its_names(void **state)
{
    stk_sku_t a = add("a"), b = add("b"), c;
    stk_cell_t cell;
    (void)state;
    assert_int_equal(alias(a, "x", "y", NULL), STK_OK);
    assert_int_equal(stk_catalog_set_attributes(&catalog, a, bytes("title"), NULL), STK_OK);
    assert_int_equal(stk_catalog_add_cell(&catalog, a, 1, &cell, NULL), STK_OK);
    stk_catalog_remove_sku(&catalog, a);
    assert_int_equal(find("a"), STK_NONE);
    assert_int_equal(find("x"), STK_NONE);
    assert_int_equal(find("b"), b);
    assert_false(stk_catalog_sku_lives(&catalog, a));
    assert_int_equal(stk_catalog_sku_id(&catalog, a).size, 0);
    assert_int_equal(catalog.text.used_bytes, 0);
    assert_int_equal(catalog.sku_count, 1);
    c = add("a"); /* not the old slot: a reader may still look at it */
    assert_int_not_equal(c, a);
    assert_int_equal(stk_catalog_find_cell(&catalog, c, 1), STK_NONE);
    assert_int_equal(stk_catalog_next_sku(&catalog, 0), b);
}

static void recovery_gives_slots_by_number(void **state)
{
    stk_sku_t slot = 5;
    (void)state;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("f"), &slot, NULL), STK_OK);
    slot = 2;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("c"), &slot, NULL), STK_OK);
    stk_catalog_remove_sku(&catalog, 5); /* the journal goes on */
    slot = 5;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("f2"), &slot, NULL), STK_OK);
    stk_catalog_remove_sku(&catalog, 2);
    slot = 8;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("z"), &slot, NULL), STK_FULL);
    assert_int_equal(catalog.skus.used, 2); /* 2 is gone, 5 lives */
    /* from here on: one that was never given away */
    assert_int_equal(add("n6"), 6);
    assert_int_equal(add("n7"), 7);
    slot = STK_NONE;
    assert_int_equal(stk_catalog_add_sku(&catalog, bytes("z"), &slot, NULL), STK_FULL);
    assert_int_equal(find("f2"), 5);
    assert_int_equal(catalog.sku_count, 3);
    assert_int_equal(catalog.skus.used, 8); /* those that are used up, too */
}

static uint32_t listings_of(stk_sku_t sku)
{
    uint32_t count = 0, before = STK_NONE;
    for (uint32_t c = stk_catalog_sku(&catalog, sku)->first_component; c != STK_NONE;
         c = stk_catalog_component(&catalog, c)->next_of_sku) {
        assert_int_equal(stk_catalog_component(&catalog, c)->prev_of_sku, before);
        assert_int_equal(stk_catalog_component(&catalog, c)->sku, sku);
        before = c;
        count++;
    }
    return count;
}

static void a_listing_keeps_the_order_of_its_components(void **state)
{
    stk_sku_t a = add("a"), b = add("b"), c = add("c");
    struct stk_component_spec kit[] = {{c, 1}, {a, 2}, {b, 3}};
    stk_listing_t kit_at = STK_NONE, other = STK_NONE, again = STK_NONE;
    const struct stk_listing *listing;
    uint32_t at;
    (void)state;
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("kit"), kit, 3, 1, &kit_at, NULL),
                     STK_OK);
    assert_int_equal(
        stk_catalog_put_listing(&catalog, 2, bytes("kit"), kit + 1, 1, 0, &other, NULL), STK_OK);
    assert_int_equal(stk_catalog_find_listing(&catalog, 1, bytes("kit")), kit_at);
    assert_int_equal(stk_catalog_find_listing(&catalog, 2, bytes("kit")), other);
    assert_int_equal(stk_catalog_find_listing(&catalog, 3, bytes("kit")), STK_NONE);
    listing = stk_catalog_listing(&catalog, kit_at);
    assert_int_equal(listing->component_count, 3);
    at = listing->first_component;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stk_catalog_component(&catalog, at)->sku, kit[i].sku);
        assert_int_equal(stk_catalog_component(&catalog, at)->units, kit[i].units);
        assert_int_equal(stk_catalog_component(&catalog, at)->listing, kit_at);
        at = stk_catalog_component(&catalog, at)->next_of_listing;
    }
    assert_int_equal(at, STK_NONE);
    assert_int_equal(listings_of(a), 2);
    assert_int_equal(listings_of(b), 1);
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("kit"), kit, 2, 0, &again, NULL),
                     STK_OK);
    assert_int_equal(again, kit_at);
    assert_int_equal(listing->active, 0);
    assert_int_equal(listings_of(b), 0);
    assert_int_equal(catalog.components.used, 3);
    stk_catalog_remove_listing(&catalog, kit_at);
    assert_int_equal(stk_catalog_find_listing(&catalog, 1, bytes("kit")), STK_NONE);
    assert_int_equal(listings_of(a), 1);
    assert_int_equal(listings_of(c), 0);
    assert_int_equal(catalog.components.used, 1);
    assert_int_equal(stk_catalog_next_listing(&catalog, 0), other);
    assert_int_equal(stk_catalog_next_listing(&catalog, other + 1), STK_NONE);
}

static void listings_and_components_have_limits(void **state)
{
    stk_sku_t a = add("a");
    struct stk_component_spec one[] = {{a, 1}, {a, 2}, {a, 3}};
    struct stk_error err;
    stk_listing_t slot = STK_NONE;
    (void)state;
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("1"), one, 3, 1, &slot, NULL),
                     STK_OK);
    slot = STK_NONE;
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("2"), one, 2, 1, &slot, NULL),
                     STK_OK);
    slot = STK_NONE;
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("3"), one, 2, 1, &slot, &err),
                     STK_FULL);
    assert_non_null(strstr(err.text, "components (6)"));
    assert_int_equal(stk_catalog_find_listing(&catalog, 1, bytes("3")), STK_NONE);
    slot = STK_NONE; /* what it has already counts as free */
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("2"), one, 3, 1, &slot, NULL),
                     STK_OK);
    stk_catalog_remove_listing(&catalog, slot);
    for (int i = 0; i < 2; i++) {
        slot = STK_NONE;
        assert_int_equal(
            stk_catalog_put_listing(&catalog, 1, bytes(i ? "4" : "5"), one, 1, 1, &slot, NULL),
            STK_OK);
    }
    slot = STK_NONE; /* the removed one's slot comes back with a restart only */
    assert_int_equal(stk_catalog_put_listing(&catalog, 1, bytes("6"), one, 1, 1, &slot, &err),
                     STK_FULL);
    assert_non_null(strstr(err.text, "listings (4)"));
    assert_int_equal(listings_of(a), 5);
}

static void locations_are_found_by_id(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct stk_location *location = &catalog.location[i];
        location->id_size = (uint8_t)snprintf(location->id, sizeof location->id, "loc%d", i);
        location->used = i != 1; /* recovery met a gap */
        catalog.locations++;
    }
    assert_int_equal(stk_catalog_find_location(&catalog, bytes("loc2")), 2);
    assert_int_equal(stk_catalog_find_location(&catalog, bytes("loc0")), 0);
    assert_int_equal(stk_catalog_find_location(&catalog, bytes("loc1")), UINT16_MAX);
    assert_int_equal(stk_catalog_find_location(&catalog, bytes("loc")), UINT16_MAX);
}

static void refused_memory_is_said_and_nothing_leaks(void **state)
{
    struct stk_catalog_capacity capacity = {8, 8, 8, 8, 8, 256};
    struct stk_catalog other;
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 11; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_catalog_init(&other, &capacity, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
    assert_int_equal(stk_catalog_init(&other, &capacity, &err), STK_OK);
    stk_catalog_fini(&other);
    capacity.skus = capacity.aliases = 1u << 30;
    assert_int_equal(stk_catalog_init(&other, &capacity, &err), STK_INVALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sku_is_found_by_its_id),
        TEST(ids_of_every_length_are_kept),
        TEST(a_full_catalogue_refuses_and_says_what_is_full),
        TEST(attributes_are_replaced_and_their_memory_is_used_again),
        TEST(aliases_lead_to_their_sku),
        TEST(cells_stand_in_the_order_of_locations),
        TEST(aliases_may_change_for_ever),
        TEST(a_removed_sku_is_gone_with_all_its_names),
        TEST(recovery_gives_slots_by_number),
        TEST(a_listing_keeps_the_order_of_its_components),
        TEST(listings_and_components_have_limits),
        TEST(locations_are_found_by_id),
        cmocka_unit_test(refused_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
