/* Readers ask for random SKUs: first by their id, as a door does (the name is found, then the cell
 * is read), then for a page of ids at a time, then by slot alone. With --writes the engine places
 * orders meanwhile, on a log without a disk. Nothing the readers do is seen by the engine.
 *
 * Threads: readers; with --writes the engine's, driven by main. */
#include "bench/read.h"
#include "bench/embed.h"
#include "bench/keys.h"
#include "bench/report.h"
#include "bench/scratch.h"
#include "core/base/doc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>

#define SLICE 1024 /* reads between two looks at the clock */
#define PAGE  64   /* of SKUs in one read of many */
#define STOCK 1000000000u

enum read_kind { READ_BY_ID, READ_MANY, READ_BY_SLOT, READ_KINDS };
static const char *const kind_names[READ_KINDS] = {"read", "read-many", "read-slot"};

struct reader {
    pthread_t handle;
    const struct stk_engine *engine;
    struct bench_picker picker;
    enum read_kind kind;
    int64_t start_ns, end_ns;
    uint64_t reads, wrong;
    uint64_t sum; /* so that no read can be left out */
};

static uint32_t read_by_id(struct reader *reader)
{
    char sku[BENCH_SKU_SIZE] = "SKU-";
    bench_put_digits((uint8_t *)sku + 4, bench_pick(&reader->picker));
    stk_sku_t slot = stk_engine_find_sku(reader->engine, (struct stk_bytes){sku, sizeof(sku)});
    return slot == STK_NONE ? UINT32_MAX : stk_engine_available(reader->engine, slot);
}

/* One slice; returns the sum of what it saw. */
static uint64_t read_slice(struct reader *reader, uint64_t *wrong)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < SLICE; i++) {
        uint32_t available =
            reader->kind == READ_BY_ID
                ? read_by_id(reader)
                : stk_engine_available(reader->engine, bench_pick(&reader->picker));
        *wrong += available > STOCK;
        sum += available;
    }
    return sum;
}

/* The same, a page of SKUs at a time. */
static uint64_t read_slice_many(struct reader *reader, uint64_t *wrong)
{
    char text[PAGE][BENCH_SKU_SIZE];
    struct stk_bytes names[PAGE];
    uint32_t available[PAGE];
    uint64_t sum = 0;
    for (unsigned done = 0; done < SLICE; done += PAGE) {
        for (unsigned i = 0; i < PAGE; i++) {
            memcpy(text[i], "SKU-", 4);
            bench_put_digits((uint8_t *)text[i] + 4, bench_pick(&reader->picker));
            names[i] = (struct stk_bytes){text[i], BENCH_SKU_SIZE};
        }
        stk_engine_available_many(reader->engine, names, PAGE, available);
        for (unsigned i = 0; i < PAGE; i++) {
            *wrong += available[i] > STOCK;
            sum += available[i];
        }
    }
    return sum;
}

static void *reader_main(void *arg)
{
    struct reader *reader = arg;
    uint64_t reads = 0, wrong = 0, sum = 0;
    int64_t now_ns = bench_now_ns();
    reader->start_ns = now_ns;
    for (; now_ns < reader->end_ns && !bench_stopping(); now_ns = bench_now_ns(), reads += SLICE)
        sum += reader->kind == READ_MANY ? read_slice_many(reader, &wrong)
                                         : read_slice(reader, &wrong);
    reader->end_ns = now_ns;
    reader->reads = reads;
    reader->wrong = wrong;
    reader->sum = sum;
    return NULL;
}

/* Orders through the decoder, one after the other, until the readers are done. */
static uint64_t write_until(struct bench_embed *embed, const struct bench_options *options,
                            int64_t end_ns, uint64_t order)
{
    uint8_t bytes[512];
    char sku[BENCH_SKU_SIZE + 1], id[BENCH_ORDER_SIZE + 1];
    struct bench_picks none = {NULL, 0};
    struct bench_picker picker = bench_picker(&none, options, 99);
    while (bench_now_ns() < end_ns && !bench_stopping()) {
        bench_sku_name(sku, bench_pick(&picker));
        bench_order_name(id, order++);
        struct stk_doc doc = stk_doc(bytes, sizeof(bytes));
        stk_doc_map(&doc, 3);
        stk_doc_key_text(&doc, "source", "bench");
        stk_doc_key_text(&doc, "id", id);
        stk_doc_text(&doc, "lines");
        stk_doc_array(&doc, 1);
        stk_doc_map(&doc, 2);
        stk_doc_key_text(&doc, "sku", sku);
        stk_doc_key_int(&doc, "quantity", 1);
        if (!bench_embed_submit(embed, "order.place", &doc, 0))
            break;
    }
    bench_embed_settle(embed);
    return order;
}

static void report(const struct bench_options *options, const char *bench,
                   const struct reader *readers, uint64_t written)
{
    double per_s = 0;
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < options->threads; i++) {
        double seconds = (double)(readers[i].end_ns - readers[i].start_ns) / 1e9;
        per_s += (double)readers[i].reads / seconds;
        wrong += readers[i].wrong + (readers[i].sum == 0);
    }
    const struct bench_extra extra[] = {
        {"threads", options->threads}, {"orders_placed_meanwhile", (double)written}, {NULL, 0}};
    struct bench_row row = {.bench = bench,
                            .system = "stockade",
                            .version = STK_VERSION_TEXT,
                            .ops_per_s = per_s,
                            .p50_us = -1,
                            .p99_us = -1,
                            .p999_us = -1,
                            .extra = extra,
                            .note = wrong ? "a reader saw what cannot be" : NULL,
                            .failed = wrong != 0};
    bench_report_row(options, &row);
}

static int run_readers(struct bench_embed *embed, const struct bench_options *options,
                       const struct bench_picks *picks, enum read_kind kind, uint64_t *order)
{
    struct reader *readers = calloc(options->threads, sizeof(*readers));
    int64_t end_ns = bench_now_ns() + (int64_t)(options->seconds * 1e9);
    uint32_t started = 0;
    uint64_t first = *order;
    for (; readers && started < options->threads; started++) {
        struct reader *reader = &readers[started];
        reader->engine = bench_embed_engine(embed);
        reader->picker = bench_picker(picks, options, started);
        reader->kind = kind;
        reader->end_ns = end_ns;
        if (pthread_create(&reader->handle, NULL, reader_main, reader))
            break;
    }
    if (options->writes)
        *order = write_until(embed, options, end_ns, *order);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(readers[i].handle, NULL);
    int ok = readers && started == options->threads;
    if (ok)
        report(options, kind_names[kind], readers, *order - first);
    free(readers);
    return ok;
}

int bench_read_run(const struct bench_options *options)
{
    char title[256];
    struct bench_picks picks;
    uint64_t order = 1;
    struct bench_embed_options wanted = {
        .skus = options->skus, .orders = 20000000, .by_hand = !options->writes};
    if (!bench_picks_make(&picks, options))
        return 0;
    snprintf(title, sizeof(title),
             "read: available by SKU id, one by one (read) and 64 at a time (read-many), and by "
             "slot (read-slot); %u threads, %u SKUs, %s, %g s%s",
             options->threads, options->skus, bench_options_pattern(options), options->seconds,
             options->writes ? ", while orders are placed" : "");
    bench_report_title(options, title);
    struct bench_embed *embed = bench_embed_open(&wanted);
    int ok = embed && bench_embed_load(embed, STOCK);
    for (enum read_kind kind = 0; ok && kind < READ_KINDS && !bench_stopping(); kind++)
        ok = run_readers(embed, options, &picks, kind, &order);
    bench_embed_close(embed);
    bench_picks_free(&picks);
    return ok || bench_stopping();
}
