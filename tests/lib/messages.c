#include "tests/lib/messages.h"
#include <stdio.h>
#include <stdlib.h>

static struct stk_ask_submit submit;

static const struct stk_message *whole(struct test_messages *m, const struct stk_message *message)
{
    if (m->out.failed || !message) {
        fprintf(stderr, "messages: no room\n");
        abort();
    }
    m->count++;
    return message;
}

void test_messages_begin(struct test_messages *m)
{
    stk_compose_init(&m->out, m->room, sizeof m->room);
    m->count = 0;
    m->mark = 0;
}

void test_submit_begin(struct test_messages *m)
{
    test_messages_begin(m);
    memset(&submit, 0, sizeof submit);
    stk_compose_begin(&m->out, sizeof submit);
    m->mark = m->out.used;
}

const struct stk_message *test_submit_end(struct test_messages *m, uint64_t call,
                                          const char *cursor_key, const char *cursor,
                                          int64_t watermark_ms)
{
    submit.head.call = call;
    submit.events = stk_compose_nested(&m->out, m->mark, m->count);
    submit.cursor_key = stk_compose_string(&m->out, cursor_key);
    submit.cursor_value = stk_compose_string(&m->out, cursor);
    submit.watermark_ms = watermark_ms;
    return whole(m, stk_compose_end(&m->out, &submit.head.message, STK_SPACE_ASK, STK_ASK_SUBMIT,
                                    sizeof submit));
}

static void goods_of(struct test_messages *m, struct stk_event_line *line, const char *goods)
{
    if (strncmp(goods, "sku:", 4) == 0)
        line->sku = stk_compose_string(&m->out, goods + 4);
    else
        line->listing = stk_compose_string(&m->out, goods);
    line->unit_price_minor = STK_ABSENT;
}

const struct stk_message *test_order(struct test_messages *m, const char *id, const char *goods,
                                     uint32_t quantity, int64_t placed_ms)
{
    struct stk_event_order order = {.placed_at_ms = placed_ms,
                                    .currency = STK_CURRENCY('G', 'B', 'P'),
                                    .country = STK_COUNTRY('G', 'B')};
    struct stk_event_line line = {.quantity = quantity};
    stk_compose_begin(&m->out, sizeof order);
    order.id = stk_compose_string(&m->out, id);
    goods_of(m, &line, goods);
    line.unit_price_minor = 1999;
    order.lines = stk_compose_list(&m->out, &line, sizeof line, 1);
    return whole(m, stk_compose_end(&m->out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER,
                                    sizeof order));
}

const struct stk_message *test_amend(struct test_messages *m, const char *id, const char *goods,
                                     const uint32_t *quantities, uint32_t count,
                                     int64_t modified_ms)
{
    struct stk_event_order order = {.placed_at_ms = modified_ms, .modified_at_ms = modified_ms};
    struct stk_event_line lines[8];
    stk_compose_begin(&m->out, sizeof order);
    order.id = stk_compose_string(&m->out, id);
    memset(lines, 0, sizeof lines);
    for (uint32_t i = 0; i < count && i < 8; i++) {
        goods_of(m, &lines[i], goods);
        lines[i].quantity = quantities[i];
    }
    order.lines = stk_compose_list(&m->out, lines, sizeof *lines, count);
    return whole(m, stk_compose_end(&m->out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER_AMEND,
                                    sizeof order));
}

const struct stk_message *test_deed(struct test_messages *m, uint16_t type, const char *order,
                                    const char *id, uint32_t line, uint32_t quantity)
{
    struct stk_event_order_deed deed = {.occurred_at_ms = 1,
                                        .amount_minor = type == STK_EVENT_ORDER_REFUND};
    struct stk_event_part part = {.line = line, .quantity = quantity};
    stk_compose_begin(&m->out, sizeof deed);
    deed.order = stk_compose_string(&m->out, order);
    deed.id = stk_compose_string(&m->out, id);
    if (line)
        deed.parts = stk_compose_list(&m->out, &part, sizeof part, 1);
    return whole(m, stk_compose_end(&m->out, &deed.message, STK_SPACE_EVENT, type, sizeof deed));
}

const struct stk_message *test_observed(struct test_messages *m, const char *listing, int64_t value,
                                        int64_t asked_ms)
{
    struct stk_event_observed observed = {.value = value, .asked_at_ms = asked_ms};
    stk_compose_begin(&m->out, sizeof observed);
    observed.key.listing = stk_compose_string(&m->out, listing);
    observed.key.field = STK_PUBLISHED_QUANTITY;
    return whole(m, stk_compose_end(&m->out, &observed.message, STK_SPACE_EVENT, STK_EVENT_OBSERVED,
                                    sizeof observed));
}

const struct stk_message *test_listing(struct test_messages *m, const char *listing,
                                       const char *sku, const char *barcode, int64_t quantity)
{
    struct stk_event_listing event = {
        .quantity = quantity, .price_minor = STK_ABSENT, .asked_at_ms = 1, .active = 1};
    stk_compose_begin(&m->out, sizeof event);
    event.listing = stk_compose_string(&m->out, listing);
    event.sku = stk_compose_string(&m->out, sku);
    event.barcode = stk_compose_string(&m->out, barcode);
    return whole(m, stk_compose_end(&m->out, &event.message, STK_SPACE_EVENT, STK_EVENT_LISTING,
                                    sizeof event));
}

const struct stk_message *test_write(struct test_messages *m, uint64_t grant, uint16_t outcome)
{
    struct stk_event_write written = {.outcome = {.grant = grant, .outcome = outcome}};
    stk_compose_begin(&m->out, sizeof written);
    return whole(m, stk_compose_end(&m->out, &written.message, STK_SPACE_EVENT, STK_EVENT_WRITE,
                                    sizeof written));
}

const struct stk_message *test_count(struct test_messages *m, uint16_t type, const char *id,
                                     const char *sku, uint32_t quantity, int64_t as_of_ms)
{
    struct stk_event_stock stock = {.as_of_ms = as_of_ms, .total_count = 1};
    struct stk_event_stock_row row = {.quantity = quantity};
    stk_compose_begin(&m->out, sizeof stock);
    stock.id = stk_compose_string(&m->out, id);
    stock.location = stk_compose_string(&m->out, "main");
    row.sku = stk_compose_string(&m->out, sku);
    stock.rows = stk_compose_list(&m->out, &row, sizeof row, 1);
    return whole(m, stk_compose_end(&m->out, &stock.message, STK_SPACE_EVENT, type, sizeof stock));
}
