/* What a stranger may say: every field's bound, and lies in every size. */
#include "core/plug/check.h"
#include "tests/lib/messages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct test_messages m;
static struct stk_error err;

static enum stk_status check(const struct stk_message *message)
{
    err.text[0] = 0;
    return stk_check_message(message, message->size, &err);
}

/* The message after `change` of one of its bytes, in memory of exactly its size. */
static enum stk_status changed(const struct stk_message *message, uint32_t at, uint8_t byte)
{
    uint8_t *copy = malloc(message->size);
    memcpy(copy, message, message->size);
    copy[at] = byte;
    err.text[0] = 0;
    enum stk_status status = stk_check_message(copy, message->size, &err);
    free(copy);
    return status;
}

static void good_ones(void **state)
{
    (void)state;
    uint32_t two[] = {1, 0};
    test_messages_begin(&m);
    assert_int_equal(check(test_order(&m, "A-7", "L1", 1, 5)), STK_OK);
    assert_int_equal(check(test_deed(&m, STK_EVENT_ORDER_CANCEL, "A-7", "c1", 1, 1)), STK_OK);
    assert_int_equal(check(test_observed(&m, "L1", 4, 5)), STK_OK);
    assert_int_equal(check(test_observed(&m, "L1", STK_ABSENT, 5)), STK_OK);
    assert_int_equal(check(test_listing(&m, "L1", "S", NULL, STK_ABSENT)), STK_OK);
    assert_int_equal(check(test_write(&m, 7, STK_OUTCOME_APPLIED)), STK_OK);
    assert_int_equal(check(test_count(&m, STK_EVENT_STOCK_COUNT, "k", "S", 0, 5)), STK_OK);
    assert_int_equal(check(test_amend(&m, "A-7", "L1", two, 2, 9)), STK_OK);
}

static void bad_fields(void **state)
{
    (void)state;
    test_messages_begin(&m);
    assert_int_equal(check(test_order(&m, "A", "L1", 1, 0)), STK_INVALID);
    assert_string_equal(err.text, "order: placed_at_ms: is missing");
    assert_int_equal(check(test_order(&m, "", "L1", 1, 5)), STK_INVALID);
    assert_string_equal(err.text, "order: id: is missing");
    assert_int_equal(check(test_order(&m, "A", "L1", UINT32_MAX, 5)), STK_INVALID);
    assert_string_equal(err.text, "order: lines[0].quantity: is out of range");
    assert_int_equal(check(test_order(&m, "A\n", "L1", 1, 5)), STK_MALFORMED);
    assert_int_equal(check(test_order(&m, "A\xff", "L1", 1, 5)), STK_MALFORMED);
    assert_int_equal(check(test_write(&m, 7, 0)), STK_INVALID);
    assert_int_equal(check(test_write(&m, 7, STK_OUTCOME_NO_LISTING + 1)), STK_INVALID);
    assert_int_equal(check(test_observed(&m, "L1", -2, 5)), STK_INVALID);
    assert_int_equal(check(test_deed(&m, STK_EVENT_RATE, "A", "b", 0, 0)), STK_UNKNOWN);
    assert_non_null(strstr(err.text, "type 17"));
    char long_id[80];
    memset(long_id, 'x', sizeof long_id);
    long_id[65] = 0;
    assert_int_equal(check(test_order(&m, long_id, "L1", 1, 5)), STK_INVALID);
    assert_string_equal(err.text, "order: id: is too long");
}

static void sizes_that_lie(void **state)
{
    (void)state;
    test_messages_begin(&m);
    const struct stk_message *order = test_order(&m, "A-7", "L1", 1, 5);
    const struct stk_event_order *fields = (const void *)order;
    uint32_t lines = (uint32_t)offsetof(struct stk_event_order, lines);
    assert_int_equal(changed(order, 0, (uint8_t)(order->size + 8)), STK_MALFORMED);
    assert_int_equal(changed(order, 0, (uint8_t)(order->size + 1)), STK_MALFORMED);
    assert_int_equal(changed(order, 0, 8), STK_MALFORMED);
    assert_int_equal(changed(order, 8, 8), STK_MALFORMED);     /* fixed_size */
    assert_int_equal(changed(order, 11, 0x80), STK_MALFORMED); /* fixed_size */
    assert_int_equal(changed(order, 12, 1), STK_INVALID);      /* flags */
    uint32_t id = (uint32_t)offsetof(struct stk_event_order, id);
    assert_int_equal(changed(order, id + 2, 1), STK_MALFORMED); /* offset far beyond */
    assert_int_equal(changed(order, id, 8), STK_MALFORMED);     /* into the head */
    assert_int_equal(changed(order, lines, (uint8_t)(fields->lines.offset + 4)), STK_MALFORMED);
    assert_int_equal(changed(order, lines + 4, 200), STK_MALFORMED); /* count */
    assert_int_equal(changed(order, lines + 5, 200), STK_INVALID);   /* count beyond the limit */
    assert_int_equal(changed(order, lines + 8, 0), STK_MALFORMED);   /* item_size 0 */
    assert_int_equal(changed(order, lines + 12, 1), STK_INVALID);    /* reserved */
    for (uint32_t size = 0; size < order->size; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        memcpy(cut, order, size);
        assert_int_equal(stk_check_message(cut, size, &err), STK_MALFORMED);
        free(cut);
    }
}

static void nested_events(void **state)
{
    (void)state;
    uint32_t bad;
    test_submit_begin(&m);
    test_order(&m, "A", "L1", 1, 5);
    test_order(&m, "B", "L1", 1, 5);
    const struct stk_message *submit = test_submit_end(&m, 1, "orders", "c", 0);
    assert_int_equal(stk_check_submit(submit, submit->size, &bad, &err), STK_OK);
    assert_int_equal(bad, UINT32_MAX);
    uint32_t events = (uint32_t)offsetof(struct stk_ask_submit, events);
    assert_int_equal(changed(submit, events + 8, 3), STK_MALFORMED); /* count */
    assert_non_null(strstr(err.text, "fewer"));
    assert_int_equal(changed(submit, events + 8, 1), STK_MALFORMED);
    assert_non_null(strstr(err.text, "more"));
    test_submit_begin(&m);
    test_order(&m, "A", "L1", 1, 5);
    test_order(&m, "B", "L1", 1, 0);
    submit = test_submit_end(&m, 1, "orders", "c", 0);
    assert_int_equal(stk_check_submit(submit, submit->size, &bad, &err), STK_INVALID);
    assert_int_equal(bad, 1);
}

/* An older sender knew less: what it lacks is zero. A newer one knew more: it is skipped. */
static void other_ages(void **state)
{
    _Alignas(8) uint8_t room[512] = {0};
    (void)state;
    test_messages_begin(&m);
    const struct stk_message *order = test_order(&m, "A-7", "L1", 1, 5);
    memcpy(room, order, order->size);
    struct stk_message *head = (void *)room;
    head->fixed_size = (uint32_t)offsetof(struct stk_event_order, currency);
    assert_int_equal(stk_check_message(room, head->size, &err), STK_OK);
    head->fixed_size = (uint32_t)offsetof(struct stk_event_order, placed_at_ms);
    assert_int_equal(stk_check_message(room, head->size, &err), STK_INVALID);
    head->fixed_size = sizeof(struct stk_event_order) + 8;
    assert_int_equal(stk_check_message(room, head->size, &err), STK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones), cmocka_unit_test(bad_fields), cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(nested_events), cmocka_unit_test(other_ages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
