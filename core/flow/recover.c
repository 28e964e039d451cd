/* Loading. Always: rows are after-images, so loading one twice, or an older one before a newer one,
 * ends the same; only the order of J matters, and J is read in order. */
#include "core/flow/recover.h"
#include "core/base/log.h"

struct load {
    struct stk_state *state;
    enum stk_table table;
    stk_seq_t next; /* the sequence that must come now; 0 = any */
    stk_seq_t skip; /* effects up to here are in S already (loading them again does no harm) */
};

static enum stk_status load_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                                struct stk_error *err)
{
    struct load *load = arg;
    return stk_row_load(load->state, load->table, key, value, err);
}

static enum stk_status load_run_key(void *arg, const struct stk_run *run, struct stk_hash key)
{
    struct load *load = arg;
    return stk_dedupe_filter_add(&load->state->dedupe, run->id, run->class, key);
}

static enum stk_status load_record(struct load *load, struct stk_bytes bytes,
                                   stk_time_t batch_time_ms, stk_seq_t seq, struct stk_error *err)
{
    struct stk_record_view record;
    struct stk_row_view row;
    enum stk_status status = stk_record_open(bytes, seq, batch_time_ms, &record, err);
    if (status != STK_OK)
        return status;
    while (stk_record_next(&record, &row)) {
        status = stk_row_load(load->state, row.table, row.key, row.value, err);
        if (status != STK_OK)
            return status;
    }
    if (record.rows.bad)
        return stk_error_set(err, STK_CORRUPT, "a row does not end within its record");
    load->state->seq = seq;
    if (record.time_ms > load->state->time_ms)
        load->state->time_ms = record.time_ms;
    return STK_OK;
}

static enum stk_status load_batch(void *arg, const struct stk_batch_view *batch,
                                  struct stk_error *err)
{
    struct load *load = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes bytes;
    stk_seq_t seq = view.first;
    if (load->next && seq > load->next)
        return stk_error_set(err, STK_CORRUPT,
                             "journal: effects %llu to %llu are missing: restore from a backup",
                             (unsigned long long)load->next, (unsigned long long)seq - 1);
    for (; stk_batch_next(&view, &bytes); seq++) {
        if (seq < load->skip)
            continue;
        enum stk_status status = load_record(load, bytes, view.time_ms, seq, err);
        if (status != STK_OK)
            return stk_error_prefix(err, "journal: effect %llu", (unsigned long long)seq), status;
    }
    if (view.records.bad)
        return stk_error_set(err, STK_CORRUPT,
                             "journal: batch %llu: a record does not end within it",
                             (unsigned long long)view.first);
    load->next = view.first + view.count;
    return STK_OK;
}

/* Order matters where one row refers to another: words, locations, SKUs, cells, then what uses
 * them. */
static const enum stk_table load_order[] = {
    STK_TABLE_NAME,      STK_TABLE_LOCATION,  STK_TABLE_SKU,          STK_TABLE_CELL,
    STK_TABLE_LISTING,   STK_TABLE_MOVEMENT,  STK_TABLE_INCOMING,     STK_TABLE_EARMARK,
    STK_TABLE_TRANSFER,  STK_TABLE_SNAPSHOT,  STK_TABLE_SNAPSHOT_ROW, STK_TABLE_ORDER,
    STK_TABLE_SHORTFALL, STK_TABLE_KEY,       STK_TABLE_ENGINE,       STK_TABLE_EARLY,
    STK_TABLE_CHANNEL,   STK_TABLE_PUBLISHED, STK_TABLE_NOTE,
};

static enum stk_status load_rows(struct load *load, struct stk_rows *rows, struct stk_error *err)
{
    for (unsigned i = 0; i < sizeof load_order / sizeof load_order[0]; i++) {
        load->table = load_order[i];
        enum stk_status status = stk_rows_each(rows, load->table, load_row, load, err);
        if (status != STK_OK)
            return stk_error_prefix(err, "state: %s", stk_table_name(load->table)), status;
    }
    enum stk_status status = stk_rows_each_run_key(rows, load_run_key, load, err);
    if (status == STK_FULL)
        return stk_error_set(err, STK_FULL,
                             "capacity \"keys_on_disk\" is smaller than what is stored");
    return status;
}

/* A shortfall is of a line of an order that is there, and short by as much; each short line has
 * one. A damaged row here would cover, or lose, what a buyer waits for. */
static enum stk_status check_shortfalls(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_pool *pool = &state->book.shortfalls;
    for (uint32_t i = 0; i < pool->top; i++) {
        const struct stk_shortfall *entry = stk_pool_at(pool, i);
        if (!entry->order_number)
            continue;
        uint32_t slot = stk_orders_find(&state->orders, entry->order_key);
        const struct stk_order *order =
            slot == STK_NONE ? NULL : stk_orders_at(&state->orders, slot);
        if (!order || order->number != entry->order_number || entry->line >= order->lines)
            return stk_error_set(err, STK_CORRUPT,
                                 "shortfall: order %llu has no line %u: restore from a backup",
                                 (unsigned long long)entry->order_number, entry->line + 1u);
        uint32_t units = stk_order_lines(&state->orders, order)[entry->line].short_units;
        if (units != entry->units)
            return stk_error_set(err, STK_CORRUPT,
                                 "shortfall: line %u of order %llu is short of %u units, its "
                                 "entry says %u: restore from a backup",
                                 entry->line + 1u, (unsigned long long)entry->order_number, units,
                                 entry->units);
    }
    if (pool->used != state->book.short_lines)
        return stk_error_set(err, STK_CORRUPT,
                             "shortfall: %u lines of orders are short, %u entries are there: "
                             "restore from a backup",
                             state->book.short_lines, pool->used);
    return STK_OK;
}

enum stk_status stk_recover(struct stk_state *state, struct stk_rows *rows,
                            const struct stk_log *log, struct stk_error *err)
{
    struct load load = {.state = state};
    stk_seq_t folded = rows ? stk_rows_folded(rows) : 0;
    stk_seq_t durable = log->durable(log->self);
    enum stk_status status = STK_OK;
    if (folded > durable)
        return stk_error_set(
            err, STK_CORRUPT,
            "the state holds effects up to %llu but the journal ends at %llu: the journal "
            "is not the one of this state; restore from a backup",
            (unsigned long long)folded, (unsigned long long)durable);
    if (rows)
        status = load_rows(&load, rows, err);
    if (status != STK_OK)
        return status;
    state->seq = folded;
    load.next = folded ? 0 : 1;
    load.skip = folded; /* the last folded effect is loaded again: it brings the time */
    if (durable)
        status = log->read(log->self, folded ? folded : 1, load_batch, &load, err);
    if (status == STK_OK && state->seq != durable)
        return stk_error_set(err, STK_CORRUPT, "journal: ends at %llu, %llu was expected",
                             (unsigned long long)state->seq, (unsigned long long)durable);
    state->channels.sweep = 0; /* what each channel should be told now is looked at anew */
    return status == STK_OK ? check_shortfalls(state, err) : status;
}
