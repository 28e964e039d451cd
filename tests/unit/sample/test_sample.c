/* The sample plugin from its file, as a host sees it: declared, loaded, polled, pushed to, looked
 * at, refused, paused. After each test the fake host has found no breach of the headers. */
#include "core/plug/loader.h"
#include "tests/lib/fake_host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1790000000000)

static struct stk_plugin_file file;
static struct fake_host *fake;

static int load(void **state)
{
    struct stk_error err = {0};
    const char *build = getenv("STK_BUILD") ? getenv("STK_BUILD") : "build";
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/plugins/sample.so", build);
    if (stk_loader_open(&file, path, &err) == STK_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int unload(void **state)
{
    (void)state;
    stk_loader_close(&file);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    fake = fake_host_create(NOW);
    fake_host_option(fake, "listings", "3");
    return 0;
}

static int start(void **state)
{
    setup(state);
    return fake_host_start(fake, file.factory) == STK_OK ? 0 : -1;
}

static int stop(void **state)
{
    int faults;
    (void)state;
    fake_host_stop(fake);
    faults = (int)fake->fault_count;
    for (int i = 0; i < faults; i++)
        fprintf(stderr, "fault: %s\n", fake->faults[i]);
    fake_host_destroy(fake);
    return faults ? -1 : 0;
}

/* All listings get so many units. */
static void stock(int64_t quantity)
{
    const struct fake_update updates[] = {
        {.grant = 1, .listing = "sample-1", .value = quantity, .field = 1, .write_kind = 1},
        {.grant = 2, .listing = "sample-2", .value = quantity, .field = 1, .write_kind = 1},
        {.grant = 3, .listing = "sample-3", .value = quantity, .field = 1, .write_kind = 1},
    };
    assert_int_equal(fake_host_push(fake, updates, 3, NULL), STK_OK);
}

static void declares_itself(void **state)
{
    const struct stk_plugin *plugin;
    struct stk_error err = {0};
    (void)state;
    assert_string_equal(file.manifest.name, "sample");
    assert_int_equal(stk_loader_make(&file, &fake->host, &plugin, &err), STK_OK);
    plugin->destroy(plugin);
}

static void refuses_wrong_options(void **state)
{
    (void)state;
    fake_host_option(fake, "listings", "101");
    assert_int_equal(fake_host_start(fake, file.factory), STK_INVALID);
}

static void refuses_a_host_that_lacks_something(void **state)
{
    (void)state;
    fake->without = STK_EXT_SUBMIT;
    assert_int_equal(fake_host_start(fake, file.factory), STK_NOT_FOUND);
}

static void answers_item_by_item(void **state)
{
    const struct fake_update updates[] = {
        {.grant = 7, .listing = "sample-2", .value = 4, .field = 1, .write_kind = 1},
        {.grant = 8, .listing = "sample-9", .value = 4, .field = 1, .write_kind = 1},
        {.grant = 9,
         .listing = "sample-2",
         .value = 1999,
         .field = 2,
         .write_kind = 1,
         .currency = STK_CURRENCY('E', 'U', 'R')},
    };
    struct stk_done_push done;
    struct stk_write_outcome outcome;
    const void *answer;
    uint64_t call;
    (void)state;
    assert_int_equal(fake_host_push(fake, updates, 3, &call), STK_OK);
    answer = fake_host_answer(fake, call);
    assert_non_null(answer);
    stk_message_read(answer, &done, sizeof done);
    assert_int_equal(done.head.status, STK_OK);
    assert_int_equal(done.results.count, 3);
    stk_message_item(answer, done.results, 0, &outcome, sizeof outcome);
    assert_int_equal(outcome.grant, 7);
    assert_int_equal(outcome.outcome, STK_OUTCOME_APPLIED);
    assert_int_equal(outcome.counter, 4);
    assert_int_equal(outcome.applied_at_ms, NOW);
    stk_message_item(answer, done.results, 1, &outcome, sizeof outcome);
    assert_int_equal(outcome.grant, 8);
    assert_int_equal(outcome.outcome, STK_OUTCOME_NO_LISTING);
    stk_message_item(answer, done.results, 2, &outcome, sizeof outcome);
    assert_int_equal(outcome.outcome, STK_OUTCOME_APPLIED);
    assert_true(outcome.counter == STK_ABSENT);
}

/* What was pushed is seen; a listing that is not there is gone. */
static void shows_what_was_told(void **state)
{
    const struct fake_update keys[] = {{.listing = "sample-1", .field = 1},
                                       {.listing = "sample-1", .field = 2},
                                       {.listing = "sample-9", .field = 1}};
    struct stk_event_observed seen;
    const void *event;
    uint64_t call;
    (void)state;
    stock(6);
    assert_int_equal(fake_host_read_back(fake, keys, 3, &call), STK_OK);
    assert_null(fake_host_answer(fake, call)); /* not before it is durable */
    fake_host_settle(fake, 0);
    assert_non_null(fake_host_answer(fake, call));
    assert_int_equal(fake_host_count(fake, STK_EVENT_OBSERVED), 2);
    assert_int_equal(fake_host_count(fake, STK_EVENT_LISTING_GONE), 1);
    event = fake_host_event(fake, STK_EVENT_OBSERVED, 0);
    stk_message_read(event, &seen, sizeof seen);
    assert_int_equal(seen.value, 6);
    assert_int_equal(seen.asked_at_ms, NOW);
    event = fake_host_event(fake, STK_EVENT_OBSERVED, 1);
    stk_message_read(event, &seen, sizeof seen);
    assert_int_equal(seen.value, 1000);
    assert_int_equal(seen.currency, STK_CURRENCY('E', 'U', 'R'));
}

/* Shoppers come by the timer; a poll brings their orders, once each, and no more than was there. */
static void brings_orders_page_by_page(void **state)
{
    struct stk_done_poll done;
    struct stk_event_order order;
    struct stk_event_line line;
    const void *event;
    uint64_t call;
    (void)state;
    stock(20);
    fake_host_advance(fake, 100 * 1000); /* 100 shoppers, 60 units */
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    assert_null(fake_host_answer(fake, call));
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.event_count, 50);
    assert_int_equal(done.more, 1);
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.event_count, 10);
    assert_int_equal(done.more, 0);
    assert_int_equal(fake_host_count(fake, STK_EVENT_ORDER), 60);
    event = fake_host_event(fake, STK_EVENT_ORDER, 59);
    stk_message_read(event, &order, sizeof order);
    assert_int_equal(order.id.size, strlen("S1790000000000-60"));
    assert_memory_equal(stk_message_text(event, order.id).data, "S1790000000000-60", order.id.size);
    stk_message_item(event, order.lines, 0, &line, sizeof line);
    assert_int_equal(line.quantity, 1);
    assert_string_equal(fake_host_kv(fake, STK_EXT_ORDERS_IN)->value, "1790000000000/60");
    /* nothing new: answered, and nothing submitted */
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    assert_non_null(fake_host_answer(fake, call));
    assert_int_equal(fake->ask_count, 0);
}

/* A page that was not taken does not move the cursor and comes again. */
static void reads_again_what_was_not_taken(void **state)
{
    struct stk_done_poll done;
    uint64_t call;
    (void)state;
    stock(1);
    fake_host_advance(fake, 5000);
    fake->fail_submit = STK_NO_SPACE;
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.head.status, STK_NO_SPACE);
    assert_null(fake_host_kv(fake, STK_EXT_ORDERS_IN));
    fake->fail_submit = STK_OK;
    fake->refuse_submit = STK_BUSY;
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.head.status, STK_BUSY);
    fake->refuse_submit = STK_OK;
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, NULL), STK_OK);
    fake_host_settle(fake, 0);
    assert_int_equal(fake_host_count(fake, STK_EVENT_ORDER), 3);
}

/* A cursor of another opening of the shop, or of nobody, begins anew. */
static void knows_its_own_cursors(void **state)
{
    static const char *const cursors[] = {"12345/2", "nonsense", "1790000000000/99"};
    (void)state;
    stock(1);
    fake_host_advance(fake, 5000);
    for (int i = 0; i < 3; i++) {
        struct fake_name *kv = &fake->kv[0];
        free(kv->value);
        snprintf(kv->key, sizeof kv->key, "%s", STK_EXT_ORDERS_IN);
        kv->value = strdup(cursors[i]);
        kv->size = (uint32_t)strlen(cursors[i]);
        assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, NULL), STK_OK);
        fake_host_settle(fake, 0);
        assert_int_equal(fake_host_count(fake, STK_EVENT_ORDER), 3 * (i + 1));
    }
}

static void discovers_its_listings(void **state)
{
    struct stk_done_discover done;
    struct stk_event_listing found;
    const void *event;
    uint64_t call;
    (void)state;
    assert_int_equal(fake_host_discover(fake, NULL, &call), STK_OK);
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.listing_count, 3);
    assert_int_equal(done.total, 3);
    assert_int_equal(done.cursor.size, 0);
    event = fake_host_event(fake, STK_EVENT_LISTING, 2);
    stk_message_read(event, &found, sizeof found);
    assert_memory_equal(stk_message_text(event, found.sku).data, "SKU-3", 5);
    assert_int_equal(fake_host_discover(fake, "4", NULL), STK_INVALID);
    assert_int_equal(fake_host_discover(fake, "12345678901234567", NULL), STK_INVALID);
}

static void discovers_page_by_page(void **state)
{
    struct stk_done_discover done;
    uint64_t call;
    (void)state;
    fake_host_option(fake, "listings", "70");
    assert_int_equal(fake_host_start(fake, file.factory), STK_OK);
    assert_int_equal(fake_host_discover(fake, NULL, &call), STK_OK);
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.listing_count, 50);
    assert_memory_equal(stk_message_text(fake_host_answer(fake, call), done.cursor).data, "50", 2);
    assert_int_equal(fake_host_discover(fake, "50", &call), STK_OK);
    fake_host_settle(fake, 0);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.listing_count, 20);
    assert_int_equal(fake_host_count(fake, STK_EVENT_LISTING), 70);
}

/* What is under way when a person pauses is answered as cancelled; it goes on afterwards. */
static void pauses_and_resumes(void **state)
{
    struct stk_done_poll done;
    uint64_t call;
    (void)state;
    stock(1);
    fake_host_advance(fake, 5000);
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, &call), STK_OK);
    fake_host_pause(fake);
    stk_message_read(fake_host_answer(fake, call), &done, sizeof done);
    assert_int_equal(done.head.status, STK_CANCELLED);
    assert_int_equal(fake_host_resume(fake), STK_OK);
    assert_int_equal(fake_host_poll(fake, STK_KIND_ORDERS_IN, NULL), STK_OK);
    fake_host_settle(fake, 0);
    assert_int_equal(fake_host_count(fake, STK_EVENT_ORDER), 3);
}

/* More calls than it has room for are refused, and none of them is lost. */
static void refuses_a_flood(void **state)
{
    uint64_t calls[20];
    int taken = 0;
    (void)state;
    for (int i = 0; i < 20; i++) {
        if (fake_host_discover(fake, NULL, &calls[taken]) == STK_OK)
            taken++;
    }
    assert_int_equal(taken, 8);
    fake_host_settle(fake, 0);
    for (int i = 0; i < taken; i++)
        assert_non_null(fake_host_answer(fake, calls[i]));
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, start, stop)
#define UNSTART(name) cmocka_unit_test_setup_teardown(name, setup, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNSTART(declares_itself),
        UNSTART(refuses_wrong_options),
        UNSTART(refuses_a_host_that_lacks_something),
        TEST(answers_item_by_item),
        TEST(shows_what_was_told),
        TEST(brings_orders_page_by_page),
        TEST(reads_again_what_was_not_taken),
        TEST(knows_its_own_cursors),
        TEST(discovers_its_listings),
        UNSTART(discovers_page_by_page),
        TEST(pauses_and_resumes),
        TEST(refuses_a_flood),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
