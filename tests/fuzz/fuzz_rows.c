/* Any rows as what a start finds in S or J: each is taken into the state or refused, and nothing
 * crashes, however they contradict each other. Then every order and SKU that came in is looked at
 * as a reader would. Input: rows of u8 table, u8 key size, u16 value size (big-endian), key, value.
 */
#include "core/base/err.h"
#include "core/flow/rows.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void init(struct stk_state *state)
{
    struct stk_error err = {0};
    struct stk_state_capacity capacity = {
        .catalog = {.skus = 64,
                    .cells = 64,
                    .aliases = 64,
                    .listings = 32,
                    .components = 64,
                    .text_bytes = 1 << 20},
        .book = {.movements = 64,
                 .incoming = 16,
                 .earmarks = 16,
                 .transfers = 16,
                 .snapshots = 4,
                 .snapshot_rows = 64,
                 .shortfalls = 16,
                 .early = 16,
                 .text_bytes = 1 << 20},
        .orders = 64,
        .holds = 128,
        .keys = 64,
        .keys_on_disk = 1024,
        .order_bytes = 1 << 20,
        .key_bytes = 1 << 20,
        .published = 64,
        .promises = 64,
        .notes = 16,
        .note_bytes = 1 << 20,
    };
    if (stk_state_init(state, &capacity, &err) != STK_OK)
        abort();
}

static void look_orders(const struct stk_state *state)
{
    uint64_t sum = 0;
    for (uint32_t i = stk_orders_next(&state->orders, 0); i != STK_NONE;
         i = stk_orders_next(&state->orders, i + 1)) {
        const struct stk_order *order = stk_orders_at(&state->orders, i);
        const struct stk_order_line *line = stk_order_lines(&state->orders, order);
        for (uint16_t l = 0; l < order->lines; l++)
            sum += line[l].quantity + line[l].shipped;
        sum += stk_order_id(&state->orders, order).size;
        stk_assert(stk_orders_find(&state->orders, order->key) != STK_NONE);
    }
    stk_assert(sum < UINT64_MAX);
}

static void look_skus(const struct stk_state *state)
{
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        uint32_t cells = 0;
        struct stk_bytes id = stk_catalog_sku_id(&state->catalog, sku);
        stk_assert(id.size <= STK_ID_MAX);
        for (stk_cell_t at = stk_catalog_sku(&state->catalog, sku)->first_cell; at != STK_NONE;
             cells++)
            at = stk_catalog_cell(&state->catalog, at)->next;
        stk_assert(cells <= STK_LOCATIONS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stk_state state;
    struct stk_error err = {0};
    init(&state);
    for (int rows = 0; size >= 4 && rows < 500; rows++) {
        size_t key_size = data[1], value_size = (size_t)data[2] << 8 | data[3];
        if (4 + key_size + value_size > size)
            break;
        struct stk_bytes key = {(const char *)data + 4, (uint32_t)key_size};
        struct stk_bytes value = {(const char *)data + 4 + key_size, (uint32_t)value_size};
        if (!value_size)
            value.data = NULL; /* deleted */
        /* what is refused ends a start */
        if (stk_row_load(&state, (enum stk_table)data[0], key, value, &err) != STK_OK) {
            stk_assert(err.status != STK_OK && err.text[0]);
            break;
        }
        data += 4 + key_size + value_size;
        size -= 4 + key_size + value_size;
    }
    look_orders(&state);
    look_skus(&state);
    (void)stk_state_check(&state, &err);
    stk_state_fini(&state);
    return 0;
}
