/* All books together, and the check of everything. */
#include "core/state/state.h"
#include "core/state/check_books.h"
#include "core/state/check_catalog.h"
#include "core/state/check_channels.h"
#include "core/state/check_orders.h"
#include <string.h>

enum stk_status stk_state_init(struct stk_state *state, const struct stk_state_capacity *capacity,
                               struct stk_error *err)
{
    memset(state, 0, sizeof *state);
    enum stk_status status = stk_names_create(&state->names, err);
    if (status == STK_OK)
        status = stk_catalog_init(&state->catalog, &capacity->catalog, err);
    if (status == STK_OK)
        status = stk_orders_init(&state->orders, capacity->orders, capacity->holds,
                                 capacity->order_bytes, err);
    if (status == STK_OK)
        status = stk_wheel_init(&state->wheel, 0, err);
    if (status == STK_OK)
        status = stk_dedupe_init(&state->dedupe, capacity->keys, capacity->key_bytes,
                                 capacity->keys_on_disk, err);
    if (status == STK_OK)
        status = stk_book_init(&state->book, &capacity->book, err);
    if (status == STK_OK)
        status = stk_channels_init(&state->channels, capacity->catalog.listings,
                                   capacity->published, capacity->promises, err);
    if (status == STK_OK)
        status = stk_notes_init(&state->notes, capacity->notes, capacity->note_bytes, err);
    if (status != STK_OK)
        stk_state_fini(state);
    return status;
}

void stk_state_fini(struct stk_state *state)
{
    stk_notes_fini(&state->notes);
    stk_channels_fini(&state->channels);
    stk_book_fini(&state->book);
    stk_dedupe_fini(&state->dedupe);
    stk_wheel_fini(&state->wheel);
    stk_orders_fini(&state->orders);
    stk_catalog_fini(&state->catalog);
    stk_names_destroy(state->names);
    state->names = NULL;
}

/* ---- the check ---- */

enum stk_status stk_state_check(const struct stk_state *state, struct stk_error *err)
{
    enum stk_status status = stk_check_catalog(state, err);
    if (status == STK_OK)
        status = stk_check_orders(state, err);
    if (status == STK_OK)
        status = stk_check_books(state, err);
    if (status == STK_OK)
        status = stk_check_channels(state, err);
    return status == STK_OK ? stk_dedupe_check(&state->dedupe, err) : status;
}
