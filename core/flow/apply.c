/* The context of one command: refusals, pairs of the answer, the record, touched cells, words.
 * Nothing here decides anything. Always: before begin the state is as it was; after begin nothing
 * fails. */
#include "core/flow/apply.h"
#include "core/flow/amend.h"
#include "core/flow/catalogue.h"
#include "core/flow/channel.h"
#include "core/flow/count.h"
#include "core/flow/earmark.h"
#include "core/flow/life.h"
#include "core/flow/place.h"
#include "core/flow/principal.h"
#include "core/flow/publish.h"
#include "core/flow/query.h"
#include "core/flow/return.h"
#include "core/flow/shortfall.h"
#include "core/flow/snapshot.h"
#include "core/flow/stock.h"
#include <stdarg.h>
#include <stdio.h>

static void say_open(struct stk_apply *apply)
{
    if (apply->pairs == 0)
        apply->answer_mark = stk_doc_map_open(&apply->answer);
}

void stk_apply_say_key(struct stk_apply *apply, const char *key)
{
    say_open(apply);
    stk_doc_text(&apply->answer, key);
    apply->pairs++;
}

void stk_apply_say_int(struct stk_apply *apply, const char *key, int64_t value)
{
    stk_apply_say_key(apply, key);
    stk_doc_int(&apply->answer, value);
}

void stk_apply_say_uint(struct stk_apply *apply, const char *key, uint64_t value)
{
    stk_apply_say_key(apply, key);
    stk_doc_uint(&apply->answer, value);
}

void stk_apply_say_text(struct stk_apply *apply, const char *key, const char *text)
{
    stk_apply_say_key(apply, key);
    stk_doc_text(&apply->answer, text);
}

void stk_apply_say_bytes(struct stk_apply *apply, const char *key, struct stk_bytes text)
{
    stk_apply_say_key(apply, key);
    stk_doc_str(&apply->answer, text);
}

void stk_apply_say_bool(struct stk_apply *apply, const char *key, int value)
{
    stk_apply_say_key(apply, key);
    stk_doc_bool(&apply->answer, value);
}

enum stk_status stk_apply_refuse(struct stk_apply *apply, enum stk_status status,
                                 const char *format, ...)
{
    char text[STK_ERROR_TEXT];
    va_list list;
    stk_assert(!apply->open && status != STK_OK);
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    apply->answer.size = 0; /* what was said on the way is not said */
    apply->pairs = 0;
    stk_apply_say_text(apply, "code", stk_status_name(status));
    stk_apply_say_text(apply, "message", text);
    return status;
}

void stk_apply_begin(struct stk_apply *apply)
{
    stk_assert(!apply->open && stk_batch_has_room(apply->batch));
    stk_principal_begin(apply);
    apply->open = 1;
    apply->began = 1;
    apply->wait_seq = apply->seq;
    if (apply->command)
        stk_apply_say_uint(apply, "seq", apply->seq);
}

void stk_apply_touch(struct stk_apply *apply, stk_cell_t cell)
{
    struct stk_scratch *scratch = apply->scratch;
    if (scratch->touched_count < 4) {
        for (uint32_t i = 0; i < scratch->touched_count; i++)
            if (scratch->touched[i] == cell)
                return;
        if (scratch->touched_count == 3) /* from here on by marks: make up for the first ones */
            for (uint32_t i = 0; i < 3; i++)
                scratch->marks[scratch->touched[i]].touched = scratch->turn;
    }
    if (scratch->touched_count >= 3) {
        if (scratch->marks[cell].touched == scratch->turn)
            return;
        scratch->marks[cell].touched = scratch->turn;
    }
    stk_assert(scratch->touched_count < STK_TOUCHED_MAX);
    scratch->touched[scratch->touched_count++] = cell;
}

void stk_apply_held(struct stk_apply *apply, stk_cell_t cell, int64_t delta)
{
    struct stk_cell *at = stk_catalog_cell(&apply->state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    int64_t held = (int64_t)numbers.held + delta;
    stk_assert(apply->open && held >= 0 && held <= UINT32_MAX);
    numbers.held = (uint32_t)held;
    stk_cell_write(at, numbers);
    stk_apply_touch(apply, cell);
}

static void movement_gone(void *arg, const struct stk_movement *movement)
{
    struct stk_apply *apply = arg;
    stk_row_delete_movement(&apply->record, apply->state, movement);
    stk_apply_touch(apply, movement->cell); /* its moves_since has moved on */
}

void stk_apply_moved(struct stk_apply *apply, stk_cell_t cell, stk_time_t occurred_ms,
                     int32_t delta)
{
    struct stk_state *state = apply->state;
    struct stk_cell *at = stk_catalog_cell(&state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    int64_t on_hand = (int64_t)numbers.on_hand + delta;
    stk_assert(apply->open && on_hand >= 0 && on_hand <= STK_QUANTITY_MAX);
    numbers.on_hand = (uint32_t)on_hand;
    stk_cell_write(at, numbers);
    stk_apply_touch(apply, cell);
    if (state->book.movements.used == state->book.movements.capacity)
        stk_book_forget_movements(&state->book, &state->catalog, INT64_MAX, 1, movement_gone,
                                  apply);
    uint32_t movement =
        stk_book_add_movement(&state->book, &state->catalog, cell, occurred_ms, apply->seq, delta);
    stk_assert(movement != STK_NONE);
    struct stk_movement *booked = stk_pool_at(&state->book.movements, movement);
    booked->part = apply->movements++;
    booked->source = apply->shipping ? apply->shipping->source : 0;
    booked->placed_ms = apply->shipping ? apply->shipping->placed_ms : 0;
    stk_row_put_movement(&apply->record, state, movement);
}

int stk_apply_may_grow(struct stk_apply *apply, stk_cell_t cell, uint32_t by)
{
    const struct stk_cell *at = stk_catalog_cell(&apply->state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    uint64_t there = (uint64_t)numbers.on_hand + numbers.unsellable + by;
    uint64_t booked = (uint64_t)(at->returned > at->found ? at->returned : at->found) + by;
    return there <= STK_QUANTITY_MAX && booked <= UINT32_MAX;
}

void stk_apply_rows_of_cells(struct stk_apply *apply)
{
    struct stk_scratch *scratch = apply->scratch;
    struct stk_catalog *catalog = &apply->state->catalog;
    stk_assert(apply->open);
    for (uint32_t i = 0; i < scratch->touched_count; i++) {
        stk_cell_t cell = scratch->touched[i];
        stk_assert(stk_cell_balanced(stk_catalog_cell(catalog, cell),
                                     stk_catalog_cell_more(catalog, cell)));
        stk_row_put_cell(&apply->record, apply->state, cell);
        stk_publish_sku(apply, stk_catalog_cell(catalog, cell)->sku);
    }
    scratch->touched_count = 0;
}

/* Most commands say the word that the one before them said. */
static uint16_t find_name(struct stk_apply *apply, enum stk_name_kind kind, struct stk_bytes text)
{
    struct stk_word *last = &apply->scratch->last_word[kind];
    if (text.size == last->size && memcmp(text.data, last->text, text.size) == 0)
        return last->number;
    uint16_t number = stk_names_find(apply->state->names, kind, text);
    if (number) {
        last->number = number;
        last->size = (uint8_t)text.size;
        memcpy(last->text, text.data, text.size);
    }
    return number;
}

int stk_apply_name_fits(struct stk_apply *apply, enum stk_name_kind kind, struct stk_bytes text)
{
    return text.size == 0 || stk_names_peek(apply->state->names, kind) != 0 ||
           find_name(apply, kind, text) != 0;
}

uint16_t stk_apply_name(struct stk_apply *apply, enum stk_name_kind kind, struct stk_bytes text)
{
    struct stk_names *names = apply->state->names;
    if (text.size == 0)
        return 0;
    uint16_t number = find_name(apply, kind, text);
    if (number)
        return number;
    stk_assert(apply->open);
    number = stk_names_peek(names, kind);
    stk_assert(number != 0);
    stk_names_put(names, kind, number, text);
    stk_row_put_name(&apply->record, kind, number, text);
    return number;
}

enum stk_status stk_apply_sku(struct stk_apply *apply, struct stk_ref ref, stk_sku_t *sku)
{
    struct stk_bytes name = stk_apply_text(apply, ref);
    *sku = stk_catalog_find_sku(&apply->state->catalog, name);
    if (*sku != STK_NONE)
        return STK_OK;
    return stk_apply_refuse(apply, STK_NOT_FOUND, "sku: no SKU \"%.*s\"", (int)name.size,
                            name.data);
}

enum stk_status stk_apply_location(struct stk_apply *apply, struct stk_ref ref,
                                   stk_location_t *location)
{
    struct stk_bytes name = stk_apply_text(apply, ref);
    *location = stk_catalog_find_location(&apply->state->catalog, name);
    if (*location != UINT16_MAX)
        return STK_OK;
    return stk_apply_refuse(apply, STK_NOT_FOUND, "location: no location \"%.*s\"", (int)name.size,
                            name.data);
}

int stk_apply_cell_fits(struct stk_apply *apply, uint32_t cells)
{
    const struct stk_pool *pool = &apply->state->catalog.cells;
    return pool->capacity - pool->used >= cells;
}

stk_cell_t stk_apply_cell(struct stk_apply *apply, stk_sku_t sku, stk_location_t location)
{
    struct stk_catalog *catalog = &apply->state->catalog;
    stk_cell_t cell = stk_catalog_find_cell(catalog, sku, location);
    if (cell != STK_NONE)
        return cell;
    stk_assert(apply->open);
    enum stk_status status = stk_catalog_add_cell(catalog, sku, location, &cell, NULL);
    stk_assert(status == STK_OK);
    return cell;
}

static struct stk_bytes order_words(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    struct stk_ref ref = apply->command->verb == STK_VERB_SHORTFALL_RESOLVE
                             ? ((const struct stk_args_shortfall_resolve *)apply->args)->order
                             : args->order;
    return stk_apply_text(apply, ref);
}

enum stk_status stk_apply_unread(struct stk_apply *apply)
{
    if (apply->command->attach == STK_ATTACH_FAILED)
        return stk_apply_refuse(apply, STK_IO, "the state on disk could not be read");
    if (apply->command->attach == STK_ATTACH_LATE)
        return stk_apply_refuse(apply, STK_BUSY,
                                "order: it left memory and is not in the state on disk yet");
    return STK_OK;
}

enum stk_status stk_apply_order(struct stk_apply *apply, uint32_t *slot)
{
    struct stk_state *state = apply->state;
    const struct stk_command *command = apply->command;
    *slot = stk_orders_find(&state->orders, command->order_key);
    if (*slot != STK_NONE)
        return STK_OK;
    if (command->attach == STK_ATTACH_ORDER) {
        struct stk_bytes row = stk_command_bytes(command, command->attached);
        struct stk_error err = {0};
        uint64_t number;
        stk_assert(row.size > sizeof number);
        memcpy(&number, row.data, sizeof number);
        row.data += sizeof number, row.size -= (uint32_t)sizeof number;
        enum stk_status status = stk_row_load_order(state, number, row, slot, &err);
        if (status != STK_OK)
            return stk_apply_refuse(apply, status, "%s", err.text);
        apply->loaded = *slot + 1;
        return STK_OK;
    }
    if (command->attach == STK_ATTACH_NONE) {
        const struct stk_key_entry *entry = stk_dedupe_find(&state->dedupe, command->order_key);
        if ((entry && entry->class == 1) ||
            (!entry && stk_dedupe_may_be_on_disk(&state->dedupe, command->order_key)))
            return STK_AGAIN;
    }
    enum stk_status unread = stk_apply_unread(apply);
    if (unread != STK_OK)
        return unread;
    struct stk_bytes id = order_words(apply);
    return stk_apply_refuse(apply, STK_NOT_FOUND, "order: no order \"%.*s\" of this source",
                            (int)id.size, id.data);
}

stk_apply_fn stk_apply_verb(unsigned verb)
{
    static const stk_apply_fn table[STK_VERB_COUNT] = {
        [STK_VERB_SKU_PUT] = stk_sku_put,
        [STK_VERB_SKU_GET] = stk_sku_get,
        [STK_VERB_SKU_DELETE] = stk_sku_delete,
        [STK_VERB_SKU_LIST] = stk_sku_list,
        [STK_VERB_LOCATION_PUT] = stk_location_put,
        [STK_VERB_LOCATION_GET] = stk_location_get,
        [STK_VERB_LOCATION_LIST] = stk_location_list,
        [STK_VERB_LISTING_PUT] = stk_listing_put,
        [STK_VERB_LISTING_GET] = stk_listing_get,
        [STK_VERB_LISTING_DELETE] = stk_listing_delete,
        [STK_VERB_LISTING_LIST] = stk_listing_list,
        [STK_VERB_STOCK_RECEIVE] = stk_stock_receive,
        [STK_VERB_STOCK_ADJUST] = stk_stock_adjust,
        [STK_VERB_STOCK_COUNT] = stk_stock_count,
        [STK_VERB_STOCK_SNAPSHOT] = stk_stock_snapshot,
        [STK_VERB_SNAPSHOT_LIST] = stk_snapshot_list,
        [STK_VERB_STOCK_TRANSFER] = stk_stock_transfer,
        [STK_VERB_STOCK_EARMARK] = stk_stock_earmark,
        [STK_VERB_INCOMING_PUT] = stk_incoming_put,
        [STK_VERB_INCOMING_LIST] = stk_incoming_list,
        [STK_VERB_ORDER_PLACE] = stk_order_place,
        [STK_VERB_ORDER_PAY] = stk_order_pay,
        [STK_VERB_ORDER_SHIP] = stk_order_ship,
        [STK_VERB_ORDER_CANCEL] = stk_order_cancel,
        [STK_VERB_ORDER_RETURN] = stk_order_return,
        [STK_VERB_ORDER_REFUND] = stk_order_refund,
        [STK_VERB_ORDER_AMEND] = stk_order_amend,
        [STK_VERB_ORDER_EXTEND] = stk_order_extend,
        [STK_VERB_ORDER_REVIEW] = stk_order_review,
        [STK_VERB_ORDER_RELEASE] = stk_order_release,
        [STK_VERB_ORDER_SELL] = stk_order_place,
        [STK_VERB_ORDER_GET] = stk_order_get,
        [STK_VERB_ORDER_LIST] = stk_order_list,
        [STK_VERB_SHORTFALL_LIST] = stk_shortfall_list,
        [STK_VERB_SHORTFALL_RESOLVE] = stk_shortfall_resolve,
        [STK_VERB_CHANNEL_PUT] = stk_channel_put,
        [STK_VERB_CHANNEL_LIST] = stk_channel_list,
        [STK_VERB_CHANNEL_STATUS] = stk_channel_status,
        [STK_VERB_CHANNEL_PAUSE] = stk_channel_pause,
        [STK_VERB_CHANNEL_RESUME] = stk_channel_resume,
        [STK_VERB_CHANNEL_GOLIVE] = stk_channel_golive,
        [STK_VERB_CHANNEL_HANDBACK] = stk_channel_handback,
        [STK_VERB_CHANNEL_FLUSH] = stk_channel_flush,
        [STK_VERB_CHANNEL_RESYNC] = stk_channel_resync,
        [STK_VERB_CHANNEL_DISCOVER] = stk_channel_discover,
        [STK_VERB_CHANNEL_DIFF] = stk_channel_diff,
        [STK_VERB_CHANNEL_GRANT] = stk_channel_grant,
        [STK_VERB_CHANNEL_RESULT] = stk_channel_result,
        [STK_VERB_CHANNEL_OBSERVE] = stk_channel_observe,
        [STK_VERB_CHANNEL_NOTE] = stk_channel_note,
        [STK_VERB_CHANNEL_NOTE_GET] = stk_channel_note_get,
    };
    return verb < STK_VERB_COUNT ? table[verb] : NULL;
}
