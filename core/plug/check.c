/* Tables of the messages that a plugin may send, and one walker for all of them.
 *
 * Always true: nothing is read before its place is known to lie inside the message; offsets are
 * added in 64 bits; what an older sender did not know is zero, and zero is checked like any value,
 * so a required field that is missing is found. */
#include "core/plug/check.h"
#include "core/base/doc.h"
#include "core/plug/word.h"
#include <stddef.h>
#include <stdio.h>
#include <stockade/ext/discovery.h>
#include <stockade/ext/kv.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/orders.h>
#include <stockade/ext/submit.h>
#include <stockade/message.h>
#include <string.h>

#define TIME_MAX    INT64_C(253402300799999) /* the end of the year 9999 */
#define MONEY_MAX   INT64_C(1000000000000000)
#define SPAN_MAX    (INT64_C(400) * 24 * 3600000)
#define STRUCT_MAX  512
#define BUDGETS_MAX 64

enum kind {
    END,
    TEXT,
    BYTES,
    U8,
    U16,
    U32,
    U64,
    I32,
    I64,
    ABSENTABLE,
    ZERO,
    CURRENCY,
    COUNTRY,
    LIST,
    NESTED
};

struct table;
struct rule {
    const char *name;
    uint16_t offset;
    uint8_t kind;
    int64_t min, max; /* of a number, or bytes of a text, or items of a list */
    const struct table *sub;
};
struct table {
    const char *name;
    uint32_t size;
    const struct rule *rules;
};

struct walk {
    const uint8_t *data; /* of the message at hand */
    uint32_t size;
    struct stk_error *err;
    uint32_t *bad;
    char path[STK_CHECK_FIELD_MAX];
};

/* ---- tables ---- */

#define AT(type, member) #member, offsetof(struct type, member)
#define ID(type, member, least)                                                                    \
    {                                                                                              \
        AT(type, member), TEXT, least, STK_EVENT_ID_MAX, NULL                                      \
    }
#define WORDS(type, member)                                                                        \
    {                                                                                              \
        AT(type, member), TEXT, 0, STK_EVENT_TEXT_MAX, NULL                                        \
    }
#define TIME(type, member, least)                                                                  \
    {                                                                                              \
        AT(type, member), I64, least, TIME_MAX, NULL                                               \
    }
#define FLAG(type, member, most)                                                                   \
    {                                                                                              \
        AT(type, member), U8, 0, most, NULL                                                        \
    }
#define ITEMS(type, member, least, most, table)                                                    \
    {                                                                                              \
        AT(type, member), LIST, least, most, &table                                                \
    }
#define NONE(type, member)                                                                         \
    {                                                                                              \
        AT(type, member), ZERO, 0, (int64_t)sizeof(((struct type *)0)->member), NULL               \
    }
#define LAST                                                                                       \
    {                                                                                              \
        NULL, 0, END, 0, 0, NULL                                                                   \
    }

static const struct rule line_rules[] = {
    ID(stk_event_line, line_id, 0),
    ID(stk_event_line, listing, 0),
    ID(stk_event_line, sku, 0),
    ID(stk_event_line, pool, 0),
    {AT(stk_event_line, quantity), U32, 0, STK_QUANTITY_MAX, NULL},
    FLAG(stk_event_line, tax_included, 1),
    FLAG(stk_event_line, discount_by, 1),
    FLAG(stk_event_line, preorder, 1),
    NONE(stk_event_line, reserved),
    {AT(stk_event_line, unit_price_minor), ABSENTABLE, 0, MONEY_MAX, NULL},
    {AT(stk_event_line, discount_minor), I64, 0, MONEY_MAX, NULL},
    {AT(stk_event_line, tax_minor), I64, 0, MONEY_MAX, NULL},
    LAST};
static const struct table line = {"line", sizeof(struct stk_event_line), line_rules};

#define ORDER_RULES(modified)                                                                      \
    {                                                                                              \
        ID(stk_event_order, id, 1), ID(stk_event_order, location, 0),                              \
            ITEMS(stk_event_order, lines, 1, STK_EVENT_LINES_MAX, line),                           \
            TIME(stk_event_order, placed_at_ms, 1),                                                \
            TIME(stk_event_order, modified_at_ms, modified), TIME(stk_event_order, seen_at_ms, 0), \
            {AT(stk_event_order, hold_ms), I64, 0, SPAN_MAX, NULL},                                \
            {AT(stk_event_order, currency), CURRENCY, 0, 0, NULL},                                 \
            {AT(stk_event_order, country), COUNTRY, 0, 0, NULL}, FLAG(stk_event_order, test, 1),   \
            NONE(stk_event_order, reserved), LAST                                                  \
    }
static const struct rule order_rules[] = ORDER_RULES(0);
static const struct rule amend_rules[] = ORDER_RULES(1);
static const struct table order = {"order", sizeof(struct stk_event_order), order_rules};
static const struct table amend = {"amendment", sizeof(struct stk_event_order), amend_rules};

static const struct rule part_rules[] = {
    {AT(stk_event_part, line), U32, 0, STK_EVENT_LINES_MAX, NULL},
    {AT(stk_event_part, quantity), U32, 0, STK_QUANTITY_MAX, NULL},
    ID(stk_event_part, line_id, 0),
    {AT(stk_event_part, amount_minor), I64, 0, MONEY_MAX, NULL},
    FLAG(stk_event_part, unsellable, 1),
    FLAG(stk_event_part, restocked, 1),
    NONE(stk_event_part, reserved),
    LAST};
static const struct table part = {"part", sizeof(struct stk_event_part), part_rules};

static const struct rule deed_rules[] = {
    ID(stk_event_order_deed, order, 1),
    ID(stk_event_order_deed, id, 1),
    WORDS(stk_event_order_deed, reason),
    WORDS(stk_event_order_deed, carrier),
    WORDS(stk_event_order_deed, tracking),
    ID(stk_event_order_deed, location, 0),
    ITEMS(stk_event_order_deed, parts, 0, STK_EVENT_LINES_MAX, part),
    TIME(stk_event_order_deed, occurred_at_ms, 1),
    {AT(stk_event_order_deed, amount_minor), I64, 0, MONEY_MAX, NULL},
    {AT(stk_event_order_deed, currency), CURRENCY, 0, 0, NULL},
    NONE(stk_event_order_deed, reserved),
    LAST};
static const struct table deed = {"deed", sizeof(struct stk_event_order_deed), deed_rules};

static const struct rule row_rules[] = {
    ID(stk_event_stock_row, sku, 1),
    {AT(stk_event_stock_row, quantity), U32, 0, STK_QUANTITY_MAX, NULL},
    NONE(stk_event_stock_row, reserved),
    LAST};
static const struct table row = {"row", sizeof(struct stk_event_stock_row), row_rules};
static const struct rule subtracted_rules[] = {ID(stk_event_subtracted, source, 1),
                                               TIME(stk_event_subtracted, until_ms, 0), LAST};
static const struct table subtracted = {"subtracted", sizeof(struct stk_event_subtracted),
                                        subtracted_rules};
#define SUBTRACTED_MAX 32
static const struct rule stock_rules[] = {
    ID(stk_event_stock, id, 1),
    ID(stk_event_stock, location, 1),
    ITEMS(stk_event_stock, rows, 0, STK_EVENT_LINES_MAX, row),
    ITEMS(stk_event_stock, subtracted, 0, SUBTRACTED_MAX, subtracted),
    TIME(stk_event_stock, as_of_ms, 1),
    {AT(stk_event_stock, total_count), U32, 0, STK_QUANTITY_MAX, NULL},
    FLAG(stk_event_stock, basis, 1),
    FLAG(stk_event_stock, missing, 1),
    NONE(stk_event_stock, reserved),
    LAST};
static const struct table stock = {"stock", sizeof(struct stk_event_stock), stock_rules};

/* A field of a struct inside another one, which stands at `at`. */
#define IN(at, type, member, kind, min, max)                                                       \
    {                                                                                              \
#member, (at) + offsetof(struct type, member), kind, min, max, NULL                        \
    }
#define KEY_RULES(at)                                                                              \
    IN(at, stk_published_key, listing, TEXT, 1, STK_EVENT_ID_MAX),                                 \
        IN(at, stk_published_key, sku, TEXT, 0, STK_EVENT_ID_MAX),                                 \
        IN(at, stk_published_key, pool, TEXT, 0, STK_EVENT_ID_MAX),                                \
        IN(at, stk_published_key, group, TEXT, 0, STK_EVENT_ID_MAX),                               \
        IN(at, stk_published_key, field, U16, 1, STK_PUBLISHED_ACTIVE),                            \
        IN(at, stk_published_key, reserved, ZERO, 0, 2)
static const struct rule observed_rules[] = {
    KEY_RULES(offsetof(struct stk_event_observed, key)),
    {AT(stk_event_observed, value), ABSENTABLE, 0, MONEY_MAX, NULL},
    TIME(stk_event_observed, asked_at_ms, 1),
    {AT(stk_event_observed, age_max_ms), ABSENTABLE, 0, SPAN_MAX, NULL},
    TIME(stk_event_observed, valid_from_ms, 0),
    TIME(stk_event_observed, valid_to_ms, 0),
    {AT(stk_event_observed, currency), CURRENCY, 0, 0, NULL},
    FLAG(stk_event_observed, origin, STK_OBSERVED_NOTIFIED),
    FLAG(stk_event_observed, state, STK_OBSERVED_UNDER_REVIEW),
    NONE(stk_event_observed, reserved),
    WORDS(stk_event_observed, text),
    LAST};
static const struct table observed = {"observed", sizeof(struct stk_event_observed),
                                      observed_rules};

static const struct rule listing_rules[] = {
    ID(stk_event_listing, listing, 1),
    ID(stk_event_listing, parent, 0),
    ID(stk_event_listing, sku, 0),
    ID(stk_event_listing, barcode, 0),
    WORDS(stk_event_listing, title),
    ID(stk_event_listing, pool, 0),
    WORDS(stk_event_listing, category),
    {AT(stk_event_listing, price_minor), ABSENTABLE, 0, MONEY_MAX, NULL},
    {AT(stk_event_listing, quantity), ABSENTABLE, 0, STK_QUANTITY_MAX, NULL},
    TIME(stk_event_listing, asked_at_ms, 1),
    {AT(stk_event_listing, currency), CURRENCY, 0, 0, NULL},
    FLAG(stk_event_listing, active, 1),
    FLAG(stk_event_listing, state, STK_OBSERVED_UNDER_REVIEW),
    FLAG(stk_event_listing, by_channel, 1),
    NONE(stk_event_listing, reserved),
    LAST};
static const struct table listing = {"listing", sizeof(struct stk_event_listing), listing_rules};

#define OUTCOME_RULES(at)                                                                          \
    IN(at, stk_write_outcome, grant, U64, 1, INT64_MAX),                                           \
        IN(at, stk_write_outcome, sent_at_ms, I64, 0, TIME_MAX),                                   \
        IN(at, stk_write_outcome, applied_at_ms, I64, 0, TIME_MAX),                                \
        IN(at, stk_write_outcome, counter, ABSENTABLE, INT32_MIN, MONEY_MAX),                      \
        IN(at, stk_write_outcome, outcome, U16, 1, STK_OUTCOME_NO_LISTING),                        \
        IN(at, stk_write_outcome, reserved, ZERO, 0, 2),                                           \
        IN(at, stk_write_outcome, code, TEXT, 0, STK_EVENT_TEXT_MAX),                              \
        IN(at, stk_write_outcome, text, TEXT, 0, STK_EVENT_TEXT_MAX)
static const struct rule outcome_rules[] = {OUTCOME_RULES(0), LAST};
static const struct table outcome = {"outcome", sizeof(struct stk_write_outcome), outcome_rules};
static const struct rule write_rules[] = {OUTCOME_RULES(offsetof(struct stk_event_write, outcome)),
                                          LAST};
static const struct table written = {"write", sizeof(struct stk_event_write), write_rules};

/* ---- asks ---- */

#define CALL_RULE(type)                                                                            \
    {                                                                                              \
        "call", offsetof(struct type, head.call), U64, 1, INT64_MAX, NULL                          \
    }
static const struct rule submit_rules[] = {
    CALL_RULE(stk_ask_submit),
    {AT(stk_ask_submit, events), NESTED, 0, STK_CALL_ITEMS_MAX, NULL},
    ID(stk_ask_submit, cursor_key, 0),
    {AT(stk_ask_submit, cursor_value), BYTES, 0, STK_CURSOR_SIZE_MAX, NULL},
    TIME(stk_ask_submit, watermark_ms, 0),
    LAST};
static const struct table submit = {"submit", sizeof(struct stk_ask_submit), submit_rules};
static const struct rule kv_get_rules[] = {CALL_RULE(stk_ask_kv_get), ID(stk_ask_kv_get, key, 1),
                                           LAST};
static const struct table kv_get = {"kv.get", sizeof(struct stk_ask_kv_get), kv_get_rules};
static const struct rule entry_rules[] = {
    ID(stk_kv_entry, key, 1), {AT(stk_kv_entry, value), BYTES, 0, STK_KV_VALUE_MAX, NULL}, LAST};
static const struct table entry = {"entry", sizeof(struct stk_kv_entry), entry_rules};
static const struct rule kv_put_rules[] = {
    CALL_RULE(stk_ask_kv_put), ITEMS(stk_ask_kv_put, entries, 1, STK_KV_KEYS_MAX, entry), LAST};
static const struct table kv_put = {"kv.put", sizeof(struct stk_ask_kv_put), kv_put_rules};

/* ---- answers ---- */

static const struct rule budget_rules[] = {
    ID(stk_budget, bucket, 1),
    {AT(stk_budget, limit), ABSENTABLE, 0, UINT32_MAX, NULL},
    {AT(stk_budget, remaining), ABSENTABLE, 0, UINT32_MAX, NULL},
    LAST};
static const struct table budget = {"budget", sizeof(struct stk_budget), budget_rules};
#define DONE_RULES(type)                                                                           \
    CALL_RULE(type),                                                                               \
        {"status", offsetof(struct type, head.status), I32, 0, STK_STATUS_COUNT - 1, NULL},        \
        {"text", offsetof(struct type, head.text), TEXT, 0, STK_EVENT_TEXT_MAX, NULL},             \
    {                                                                                              \
        "budgets", offsetof(struct type, head.budgets), LIST, 0, BUDGETS_MAX, &budget              \
    }
static const struct rule poll_rules[] = {
    DONE_RULES(stk_done_poll), TIME(stk_done_poll, started_ms, 0), FLAG(stk_done_poll, more, 1),
    NONE(stk_done_poll, reserved), LAST};
static const struct table poll = {"poll_done", sizeof(struct stk_done_poll), poll_rules};
static const struct rule push_rules[] = {
    DONE_RULES(stk_done_push), ITEMS(stk_done_push, results, 0, STK_CALL_ITEMS_MAX, outcome),
    FLAG(stk_done_push, not_sent, 1), NONE(stk_done_push, reserved), LAST};
static const struct table push = {"push_done", sizeof(struct stk_done_push), push_rules};
static const struct rule read_back_rules[] = {DONE_RULES(stk_done_read_back),
                                              NONE(stk_done_read_back, reserved), LAST};
static const struct table read_back = {"read_back_done", sizeof(struct stk_done_read_back),
                                       read_back_rules};
static const struct rule discover_rules[] = {
    DONE_RULES(stk_done_discover),
    {AT(stk_done_discover, cursor), BYTES, 0, STK_CURSOR_SIZE_MAX, NULL},
    {AT(stk_done_discover, total), ABSENTABLE, 0, UINT32_MAX, NULL},
    NONE(stk_done_discover, reserved),
    LAST};
static const struct table discover = {"discover_done", sizeof(struct stk_done_discover),
                                      discover_rules};
static const struct rule said_rules[] = {
    {AT(stk_word_said, status), I32, 0, STK_STATUS_COUNT - 1, NULL},
    NONE(stk_word_said, reserved),
    WORDS(stk_word_said, text),
    LAST};
static const struct table said = {"word", sizeof(struct stk_word_said), said_rules};

static const struct table *event_table(unsigned type)
{
    switch (type) {
    case STK_EVENT_ORDER:
        return &order;
    case STK_EVENT_ORDER_AMEND:
        return &amend;
    case STK_EVENT_STOCK_COUNT:
    case STK_EVENT_SNAPSHOT:
        return &stock;
    case STK_EVENT_OBSERVED:
        return &observed;
    case STK_EVENT_LISTING:
    case STK_EVENT_LISTING_GONE:
        return &listing;
    case STK_EVENT_WRITE:
        return &written;
    default:
        return type >= STK_EVENT_ORDER_PAID && type <= STK_EVENT_ORDER_RELEASE ? &deed : NULL;
    }
}

static const struct table *table_of(const struct stk_message *head)
{
    static const struct table *const asks[] = {NULL, &submit, &kv_get, &kv_put};
    static const struct table *const dones[] = {NULL, &poll, &push, &read_back, &discover};
    switch (head->space) {
    case STK_SPACE_EVENT:
        return event_table(head->type);
    case STK_SPACE_ASK:
        return head->type < sizeof asks / sizeof *asks ? asks[head->type] : NULL;
    case STK_SPACE_DONE:
        return head->type < sizeof dones / sizeof *dones ? dones[head->type] : NULL;
    case STK_SPACE_HOST:
        return head->type >= STK_WORD_READY && head->type <= STK_WORD_REFUSED ? &said : NULL;
    default:
        return NULL;
    }
}

/* ---- the walk ---- */

static enum stk_status fault(struct walk *walk, enum stk_status status, const char *name,
                             const char *what)
{
    return stk_error_set(walk->err, status, "%s%s: %s", walk->path, name, what);
}

int stk_check_text(const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return 0;
    return stk_utf8_valid(text, size);
}

static int is_inside(const struct walk *walk, uint64_t offset, uint64_t size)
{
    return offset >= sizeof(struct stk_message) && offset + size <= walk->size;
}

static enum stk_status check_text(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    struct stk_text text;
    memcpy(&text, at, sizeof text);
    if (!text.size && !rule->min)
        return STK_OK;
    if (text.size < rule->min)
        return fault(walk, STK_INVALID, rule->name, "is missing");
    if (text.size > rule->max)
        return fault(walk, STK_INVALID, rule->name, "is too long");
    if (!is_inside(walk, text.offset, text.size))
        return fault(walk, STK_MALFORMED, rule->name, "lies outside of the message");
    if (rule->kind == TEXT && !stk_check_text((const char *)walk->data + text.offset, text.size))
        return fault(walk, STK_MALFORMED, rule->name, "is not UTF-8 without control characters");
    return STK_OK;
}

static int64_t number_at(const struct rule *rule, const uint8_t *at)
{
    uint64_t wide = 0;
    int32_t narrow = 0;
    switch (rule->kind) {
    case U8:
        return *at;
    case U16:
        memcpy(&wide, at, 2);
        return (int64_t)wide;
    case U32:
        memcpy(&wide, at, 4);
        return (int64_t)wide;
    case I32:
        memcpy(&narrow, at, 4);
        return narrow;
    default:
        memcpy(&wide, at, 8);
        return (int64_t)wide;
    }
}

static enum stk_status check_number(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    int64_t number = number_at(rule, at);
    if (rule->kind == ABSENTABLE && number == STK_ABSENT)
        return STK_OK;
    if (number < rule->min || number > rule->max)
        return fault(walk, STK_INVALID, rule->name, number == 0 ? "is missing" : "is out of range");
    return STK_OK;
}

/* Capital letters, or none of them. */
static enum stk_status check_letters(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    unsigned letters = rule->kind == CURRENCY ? 3 : 2;
    uint32_t packed = 0;
    memcpy(&packed, at, rule->kind == CURRENCY ? 4 : 2);
    if (!packed)
        return STK_OK;
    for (unsigned i = 0; i < letters; i++, packed >>= 8)
        if ((packed & 0xff) < 'A' || (packed & 0xff) > 'Z')
            return fault(walk, STK_INVALID, rule->name, "must be capital letters");
    return packed ? fault(walk, STK_INVALID, rule->name, "must be capital letters") : STK_OK;
}

static enum stk_status check_zero(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    for (int64_t i = 0; i < rule->max; i++)
        if (at[i])
            return fault(walk, STK_INVALID, rule->name, "must be zero");
    return STK_OK;
}

static enum stk_status check_rules(struct walk *walk, const struct table *table,
                                   const uint8_t *fields);

static enum stk_status check_list(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    _Alignas(8) uint8_t item[STRUCT_MAX];
    char before[STK_CHECK_FIELD_MAX];
    struct stk_list list;
    enum stk_status status = STK_OK;
    memcpy(&list, at, sizeof list);
    if (list.reserved)
        return fault(walk, STK_INVALID, rule->name, "its reserved field must be zero");
    if (list.count < rule->min || list.count > rule->max)
        return fault(walk, STK_INVALID, rule->name, list.count ? "has too many items" : "is empty");
    if (!list.count)
        return STK_OK;
    if (list.offset % 8 || list.item_size % 8 || !list.item_size ||
        !is_inside(walk, list.offset, (uint64_t)list.count * list.item_size))
        return fault(walk, STK_MALFORMED, rule->name, "lies outside of the message");
    memcpy(before, walk->path, sizeof before);
    for (uint32_t i = 0; status == STK_OK && i < list.count; i++) {
        uint32_t known = list.item_size < rule->sub->size ? list.item_size : rule->sub->size;
        memset(item, 0, rule->sub->size);
        memcpy(item, walk->data + list.offset + (uint64_t)i * list.item_size, known);
        snprintf(walk->path, sizeof walk->path, "%.24s%s[%u].", before, rule->name, i);
        status = check_rules(walk, rule->sub, item);
    }
    memcpy(walk->path, before, sizeof before);
    return status;
}

static enum stk_status check_one(const uint8_t *data, uint32_t size, int events_only,
                                 struct walk *outer);

/* Events inside a submit: each is a message that ends where the next one begins. */
static enum stk_status check_nested(struct walk *walk, const struct rule *rule, const uint8_t *at)
{
    struct stk_messages list;
    uint32_t count = 0;
    memcpy(&list, at, sizeof list);
    if (list.reserved)
        return fault(walk, STK_INVALID, rule->name, "its reserved field must be zero");
    if (list.count > rule->max)
        return fault(walk, STK_INVALID, rule->name, "has too many of them");
    if (!list.count)
        return STK_OK;
    if (list.offset % 8 || !is_inside(walk, list.offset, list.size))
        return fault(walk, STK_MALFORMED, rule->name, "lies outside of the message");
    for (uint64_t from = 0; from < list.size; count++) {
        const uint8_t *start = walk->data + list.offset + from;
        uint32_t left = (uint32_t)(list.size - from);
        enum stk_status status;
        if (walk->bad)
            *walk->bad = count;
        if (count == list.count)
            return fault(walk, STK_MALFORMED, rule->name, "are more than their count says");
        status = check_one(start, left, 1, walk);
        if (status != STK_OK)
            return status;
        from += ((const struct stk_message *)(const void *)start)->size;
    }
    if (walk->bad)
        *walk->bad = UINT32_MAX;
    return count == list.count
               ? STK_OK
               : fault(walk, STK_MALFORMED, rule->name, "are fewer than their count says");
}

static enum stk_status check_rules(struct walk *walk, const struct table *table,
                                   const uint8_t *fields)
{
    for (const struct rule *rule = table->rules; rule->kind != END; rule++) {
        const uint8_t *at = fields + rule->offset;
        enum stk_status status;
        switch (rule->kind) {
        case TEXT:
        case BYTES:
            status = check_text(walk, rule, at);
            break;
        case ZERO:
            status = check_zero(walk, rule, at);
            break;
        case CURRENCY:
        case COUNTRY:
            status = check_letters(walk, rule, at);
            break;
        case LIST:
            status = check_list(walk, rule, at);
            break;
        case NESTED:
            status = check_nested(walk, rule, at);
            break;
        default:
            status = check_number(walk, rule, at);
        }
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

static enum stk_status check_head(const struct stk_message *head, uint32_t size, int events_only,
                                  struct walk *walk)
{
    uint32_t most = head->space == STK_SPACE_EVENT ? STK_EVENT_SIZE_MAX : STK_MESSAGE_SIZE_MAX;
    if (head->size % 8 || head->size < sizeof *head || head->size > size)
        return fault(walk, STK_MALFORMED, "message", "its size cannot be");
    if (head->size > most)
        return fault(walk, STK_TOO_LARGE, "message", "it is too large");
    if (head->fixed_size < sizeof *head || head->fixed_size > head->size)
        return fault(walk, STK_MALFORMED, "message", "its fixed_size cannot be");
    if (head->flags)
        return fault(walk, STK_INVALID, "message", "its flags must be zero");
    if (events_only && head->space != STK_SPACE_EVENT)
        return fault(walk, STK_INVALID, "message", "only events are submitted");
    return STK_OK;
}

static enum stk_status check_one(const uint8_t *data, uint32_t size, int events_only,
                                 struct walk *outer)
{
    _Alignas(8) uint8_t fields[STRUCT_MAX];
    struct walk walk = {.data = data, .size = size, .err = outer->err, .bad = outer->bad};
    const struct stk_message *head = (const void *)data;
    const struct table *table;
    enum stk_status status;
    if (size < sizeof *head)
        return fault(&walk, STK_MALFORMED, "message", "it is cut short");
    status = check_head(head, size, events_only, &walk);
    if (status != STK_OK)
        return status;
    table = table_of(head);
    if (!table)
        return stk_error_set(walk.err, STK_UNKNOWN,
                             "message: space %u type %u is not taken by this host", head->space,
                             head->type);
    walk.size = head->size;
    snprintf(walk.path, sizeof walk.path, "%s: ", table->name);
    stk_message_read(data, fields, table->size);
    return check_rules(&walk, table, fields);
}

enum stk_status stk_check_message(const void *data, uint32_t size, struct stk_error *err)
{
    uint32_t bad;
    return stk_check_submit(data, size, &bad, err);
}

enum stk_status stk_check_submit(const void *data, uint32_t size, uint32_t *bad,
                                 struct stk_error *err)
{
    struct walk walk = {.err = err, .bad = bad};
    *bad = UINT32_MAX;
    return check_one(data, size, 0, &walk);
}
