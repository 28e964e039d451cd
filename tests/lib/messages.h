/* Flat messages as a plugin would write them, for tests of the host. Room is the caller's; what
 * does not fit aborts. */
#ifndef STK_TESTS_MESSAGES_H
#define STK_TESTS_MESSAGES_H

#include <stockade/ext/listings.h>
#include <stockade/ext/submit.h>
#include <stockade/message.h>

struct test_messages {
    _Alignas(8) char room[256 * 1024];
    struct stk_composer out;
    uint32_t count, mark;
};

/* Events one after the other: begin, events, then one of the ends. */
void test_messages_begin(struct test_messages *m);
/* A submit around the events that follow. */
void test_submit_begin(struct test_messages *m);
const struct stk_message *test_submit_end(struct test_messages *m, uint64_t call,
                                          const char *cursor_key, const char *cursor,
                                          int64_t watermark_ms);

/* One line of one listing or SKU ("sku:A"). */
const struct stk_message *test_order(struct test_messages *m, const char *id, const char *goods,
                                     uint32_t quantity, int64_t placed_ms);
const struct stk_message *test_deed(struct test_messages *m, uint16_t type, const char *order,
                                    const char *id, uint32_t line, uint32_t quantity);
const struct stk_message *test_observed(struct test_messages *m, const char *listing, int64_t value,
                                        int64_t asked_ms);
const struct stk_message *test_listing(struct test_messages *m, const char *listing,
                                       const char *sku, const char *barcode, int64_t quantity);
const struct stk_message *test_write(struct test_messages *m, uint64_t grant, uint16_t outcome);
const struct stk_message *test_count(struct test_messages *m, uint16_t type, const char *id,
                                     const char *sku, uint32_t quantity, int64_t as_of_ms);
/* An amendment of an order: `count` lines, all of the same goods. */
const struct stk_message *test_amend(struct test_messages *m, const char *id, const char *goods,
                                     const uint32_t *quantities, uint32_t count,
                                     int64_t modified_ms);

#endif
