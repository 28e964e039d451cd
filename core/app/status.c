/* Status. Numbers are read from counters one by one: each is true, their sum is of no single
 * instant. */
#include "core/app/status.h"
#include <stdio.h>
#include <stockade/version.h>
#include <sys/statvfs.h>

#define WARN_PERCENT 90

struct use {
    const char *name;
    uint64_t used, capacity;
};

static void write_capacities(struct stk_doc *doc, const struct use *use, unsigned count)
{
    stk_doc_text(doc, "capacities");
    stk_doc_map(doc, count);
    for (unsigned i = 0; i < count; i++) {
        stk_doc_text(doc, use[i].name);
        stk_doc_map(doc, 3);
        stk_doc_key_uint(doc, "used", use[i].used);
        stk_doc_key_uint(doc, "capacity", use[i].capacity);
        stk_doc_key_uint(doc, "percent", use[i].capacity ? use[i].used * 100 / use[i].capacity : 0);
    }
}

static void write_warnings(struct stk_doc *doc, const struct use *use, unsigned count,
                           const char *full)
{
    char text[128];
    uint32_t mark, warnings = 0;
    stk_doc_text(doc, "warnings");
    mark = stk_doc_array_open(doc);
    for (unsigned i = 0; i < count; i++) {
        if (use[i].used * 100 < use[i].capacity * WARN_PERCENT)
            continue;
        snprintf(text, sizeof text,
                 "capacity \"%s\" is used to %llu %%: raise it in the config and restart",
                 use[i].name, (unsigned long long)(use[i].used * 100 / use[i].capacity));
        stk_doc_text(doc, text);
        warnings++;
    }
    if (*full) {
        stk_doc_text(doc, full);
        warnings++;
    }
    stk_doc_array_close(doc, mark, warnings);
}

static void write_journal(struct stk_doc *doc, const struct stk_status_sources *from)
{
    struct stk_journal_stats stats;
    stk_seq_t first, last;
    stk_journal_stats(from->journal, &stats);
    stk_journal_range(from->journal, &first, &last);
    stk_seq_t folded = stk_rows_folded(from->rows);
    stk_doc_text(doc, "journal");
    stk_doc_map(doc, 10);
    stk_doc_key_uint(doc, "first", first);
    stk_doc_key_uint(doc, "durable", last);
    stk_doc_key_uint(doc, "folded", folded);
    stk_doc_key_uint(doc, "backlog", last > folded ? last - folded : 0);
    stk_doc_key_uint(doc, "segments", stats.segments);
    stk_doc_key_uint(doc, "flushes", stats.flushes);
    stk_doc_key_uint(doc, "effects", stats.effects);
    stk_doc_key_uint(doc, "bytes", stats.bytes);
    stk_doc_key_uint(doc, "flush_p50_us", stats.flush_p50_us);
    stk_doc_key_uint(doc, "flush_p99_us", stats.flush_p99_us);
}

static void write_counts(struct stk_doc *doc, const struct stk_engine_counters *c)
{
    const struct {
        const char *name;
        const struct stk_counter *counter;
    } list[] = {
        {"commands", &c->commands},
        {"effects", &c->effects},
        {"refused", &c->refused},
        {"repeated", &c->repeated},
        {"parked", &c->parked},
        {"expired", &c->expired},
        {"archived", &c->archived},
        {"orders_placed", &c->orders_placed},
        {"orders_short", &c->orders_short},
        {"shortfall_units", &c->shortfall_units},
        {"orders_open", &c->orders_open},
        {"keys_on_disk", &c->keys_on_disk},
        {"batch_full_waits", &c->batch_full_waits},
    };
    unsigned count = sizeof list / sizeof list[0];
    stk_doc_text(doc, "counts");
    stk_doc_map(doc, count);
    for (unsigned i = 0; i < count; i++)
        stk_doc_key_uint(doc, list[i].name, stk_counter_get(list[i].counter));
}

static void write_disk(struct stk_doc *doc, const char *folder)
{
    struct statvfs disk;
    stk_doc_text(doc, "disk");
    if (statvfs(folder, &disk) != 0) {
        stk_doc_nil(doc);
        return;
    }
    stk_doc_map(doc, 3);
    stk_doc_key_text(doc, "folder", folder);
    stk_doc_key_uint(doc, "free_bytes", (uint64_t)disk.f_bavail * disk.f_frsize);
    stk_doc_key_uint(doc, "bytes", (uint64_t)disk.f_blocks * disk.f_frsize);
}

static void write_rpc(struct stk_doc *doc, const struct stk_rpc *rpc)
{
    stk_doc_text(doc, "rpc");
    if (!rpc) {
        stk_doc_nil(doc);
        return;
    }
    const struct stk_rpc_counters *c = stk_rpc_counters(rpc);
    stk_doc_map(doc, 10);
    stk_doc_key_uint(doc, "connections", stk_counter_get(&c->connections));
    stk_doc_key_uint(doc, "accepted", stk_counter_get(&c->accepted));
    stk_doc_key_uint(doc, "refused", stk_counter_get(&c->refused));
    stk_doc_key_uint(doc, "malformed", stk_counter_get(&c->malformed));
    stk_doc_key_uint(doc, "cut", stk_counter_get(&c->cut));
    stk_doc_key_uint(doc, "requests", stk_counter_get(&c->requests));
    stk_doc_key_uint(doc, "responses", stk_counter_get(&c->responses));
    stk_doc_key_uint(doc, "bytes_in", stk_counter_get(&c->bytes_in));
    stk_doc_key_uint(doc, "bytes_out", stk_counter_get(&c->bytes_out));
    stk_doc_key_uint(doc, "buffers_bytes", stk_counter_get(&c->buffers_bytes));
}

static void write_channel(struct stk_doc *doc, struct stk_instance *instance)
{
    struct stk_instance_view view;
    stk_instance_look(instance, &view);
    const struct stk_desk_counters *c = view.counters;
    const struct {
        const char *name;
        const struct stk_counter *counter;
    } counts[] = {{"crashes", &c->crashes},
                  {"submits", &c->submits},
                  {"events", &c->events},
                  {"refused", &c->refused},
                  {"pushes", &c->pushes},
                  {"sent", &c->sent},
                  {"accepted", &c->accepted},
                  {"not_accepted", &c->not_accepted},
                  {"unknown", &c->unknown},
                  {"polls", &c->polls},
                  {"polls_failed", &c->polls_failed},
                  {"read_backs", &c->read_backs},
                  {"discovered", &c->discovered},
                  {"bad_messages", &c->bad_messages}};
    unsigned count = sizeof counts / sizeof *counts;
    stk_doc_map(doc, 6 + count);
    stk_doc_key_text(doc, "channel", view.name);
    stk_doc_key_text(doc, "plugin", view.plugin);
    stk_doc_key_text(doc, "version", view.version);
    stk_doc_key_text(doc, "isolation", view.in_process ? "in_process" : "process");
    stk_doc_key_text(doc, "state", view.state);
    stk_doc_key_text(doc, "text", view.text);
    for (unsigned i = 0; i < count; i++)
        stk_doc_key_uint(doc, counts[i].name, stk_counter_get(counts[i].counter));
}

static void write_channels(struct stk_doc *doc, const struct stk_status_sources *from)
{
    stk_doc_text(doc, "channels");
    stk_doc_array(doc, from->instance_count);
    for (uint32_t i = 0; i < from->instance_count; i++)
        write_channel(doc, from->instances[i]);
}

void stk_status_write(const struct stk_status_sources *from, struct stk_doc *doc)
{
    const struct stk_engine_counters *c = stk_engine_counters(from->engine);
    const struct stk_engine_options *o = from->capacities;
    const struct use use[] = {
        {"skus", stk_counter_get(&c->skus), o->skus},
        {"cells", stk_counter_get(&c->cells), o->cells},
        {"listings", stk_counter_get(&c->listings), o->listings},
        {"orders", stk_counter_get(&c->orders), o->orders},
        {"holds", stk_counter_get(&c->holds), o->holds},
        {"keys", stk_counter_get(&c->keys), o->keys},
        {"keys_on_disk", stk_counter_get(&c->keys_on_disk), o->keys_on_disk},
    };
    unsigned count = sizeof use / sizeof use[0];
    char full[STK_TEXT_MAX] = "";
    stk_time_t now_ms = from->clock.now_ms(from->clock.self);
    if (!stk_journal_full(from->journal, full, sizeof full))
        full[0] = 0;
    stk_doc_map(doc, 11);
    stk_doc_key_text(doc, "version", STK_VERSION_TEXT);
    stk_doc_key_int(doc, "uptime_ms", now_ms - from->started_ms);
    stk_doc_key_uint(doc, "time", stk_counter_get(&c->time_ms));
    stk_doc_key_uint(doc, "seq", stk_counter_get(&c->sequence));
    write_journal(doc, from);
    write_disk(doc, from->folder);
    write_rpc(doc, from->rpc);
    write_channels(doc, from);
    write_counts(doc, c);
    write_capacities(doc, use, count);
    write_warnings(doc, use, count, full);
}
