/* Wires engine, journal and fold as the daemon does, without doors. By hand everything but the
 * journal's thread is the main thread, so that what is folded and what is not is known exactly.
 *
 * Threads: open, close, load: main. The engine's and the fold's callbacks: theirs. */
#include "bench/embed.h"
#include "bench/keys.h"
#include "bench/scratch.h"
#include "core/flow/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOAD_WINDOW   1024
#define SNAPSHOT_ROWS 500000u
#define COMMAND_BYTES (256u * 1024)

/* A log without a disk: what is submitted is durable at once. */
struct forgetful {
    struct stk_batch batch[2];
    unsigned taken; /* bit per batch */
    _Atomic stk_seq_t durable;
    struct stk_engine *engine;
};

struct bench_embed {
    struct bench_embed_options options;
    struct forgetful forgetful;
    struct stk_journal *journal;
    struct stk_rows *rows;
    struct stk_fold *fold;
    struct stk_engine *engine;
    struct stk_inbox *inbox, *fold_inbox;
    struct stk_thread thread;
    struct stk_park park;
    uint64_t owed; /* submitted through bench_embed_submit, not yet answered */
    int journal_runs, refused;
    _Atomic int fold_runs; /* the journal thread looks */
    struct stk_value values[16384];
    uint8_t params[128 * 1024];
};

static int complain(const struct stk_error *err)
{
    fprintf(stderr, "stockade-bench: %s\n", err->text);
    return 0;
}

/* ---- the log that forgets ---------------------------------------------------------------------
 */

static struct stk_batch *forgetful_take(void *self)
{
    struct forgetful *log = self;
    for (unsigned i = 0; i < 2; i++) {
        if (!(log->taken & 1u << i)) {
            log->taken |= 1u << i;
            return &log->batch[i];
        }
    }
    return NULL;
}

static void forgetful_submit(void *self, struct stk_batch *batch)
{
    struct forgetful *log = self;
    stk_seq_t last = batch->first + batch->count - 1;
    log->taken &= ~(1u << (batch - log->batch));
    atomic_store_explicit(&log->durable, last, memory_order_release); /* pairs with the acquire in
                                                                         forgetful_durable */
    stk_engine_durable(log->engine, last);
}

static int forgetful_idle(void *self)
{
    (void)self;
    return 1;
}

static stk_seq_t forgetful_durable(void *self)
{
    struct forgetful *log = self;
    /* pairs with the release in forgetful_submit */
    return atomic_load_explicit(&log->durable, memory_order_acquire);
}

static enum stk_status forgetful_read(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                      struct stk_error *err)
{
    (void)self;
    (void)from;
    (void)fn;
    (void)arg;
    (void)err;
    return STK_OK; /* there is nothing to recover from */
}

static int forgetful_open(struct bench_embed *embed, struct stk_log *log, struct stk_error *err)
{
    for (unsigned i = 0; i < 2; i++)
        if (stk_batch_init(&embed->forgetful.batch[i], err) != STK_OK)
            return complain(err);
    *log = (struct stk_log){.take = forgetful_take,
                            .submit = forgetful_submit,
                            .idle = forgetful_idle,
                            .durable = forgetful_durable,
                            .read = forgetful_read,
                            .self = &embed->forgetful};
    return 1;
}

/* ---- the real log -----------------------------------------------------------------------------
 */

static void on_durable(void *arg, stk_seq_t seq)
{
    struct bench_embed *embed = arg;
    stk_engine_durable(embed->engine, seq);
    if (embed->fold_runs)
        stk_fold_wake(embed->fold);
}

static void on_fatal(void *arg, const struct stk_error *err)
{
    (void)arg;
    fprintf(stderr, "stockade-bench: %s\n", err->text);
    _Exit(1); /* the kernel ends the children, the folder stays for a look */
}

static void on_folded(void *arg, stk_seq_t seq)
{
    struct bench_embed *embed = arg;
    stk_journal_pin(embed->journal, 0, seq + 1);
}

static void on_run(void *arg, const struct stk_run *run, int dropped)
{
    struct bench_embed *embed = arg;
    stk_engine_run_changed(embed->fold_inbox, run, dropped);
}

static int real_open(struct bench_embed *embed, struct stk_log *log, struct stk_error *err)
{
    char path[BENCH_PATH_MAX];
    snprintf(path, sizeof(path), "%s/journal", embed->options.folder);
    struct stk_journal_options journal = {.folder = path,
                                          .segment_bytes = STK_SEGMENT_BYTES_DEFAULT,
                                          .retain_bytes = 4ull << 30,
                                          .free_bytes_min = 1u << 30,
                                          .on_durable = on_durable,
                                          .on_fatal = on_fatal,
                                          .arg = embed};
    if (stk_journal_open(&embed->journal, &journal, err) != STK_OK)
        return complain(err);
    *log = stk_journal_log(embed->journal);
    snprintf(path, sizeof(path), "%s/state", embed->options.folder);
    struct stk_rows_options rows = {.folder = path, .map_bytes = 1ull << 30};
    if (stk_rows_open(&embed->rows, &rows, err) != STK_OK)
        return complain(err);
    return 1;
}

static int fold_open(struct bench_embed *embed, const struct stk_log *log, struct stk_error *err)
{
    struct stk_fold_options fold = {.log = *log,
                                    .rows = embed->rows,
                                    .pause_ms = 500,
                                    .batch_bytes_max = 64u << 20,
                                    .run_keys = 1000000,
                                    .run_age_ms = 3600000,
                                    .key_window_ms = 7ll * 86400000,
                                    .order_window_ms = 400ll * 86400000,
                                    .on_folded = on_folded,
                                    .on_run = on_run,
                                    .on_fatal = on_fatal,
                                    .arg = embed};
    if (stk_fold_create(&embed->fold, &fold, err) != STK_OK)
        return complain(err);
    if (embed->options.by_hand)
        return 1;
    embed->fold_runs = stk_fold_start(embed->fold, err) == STK_OK;
    return embed->fold_runs ? 1 : complain(err);
}

/* ---- open and close ---------------------------------------------------------------------------
 */

static void wake(void *arg)
{
    struct bench_embed *embed = arg;
    stk_park_wake(&embed->park);
}

static void engine_main(void *arg)
{
    struct bench_embed *embed = arg;
    stk_engine_run(embed->engine);
}

static int engine_open(struct bench_embed *embed, const struct stk_log *log, struct stk_error *err)
{
    struct stk_engine_options options;
    const struct bench_embed_options *wanted = &embed->options;
    stk_engine_defaults(&options);
    options.skus = options.cells = wanted->skus + 1000;
    options.text_bytes = (uint64_t)wanted->skus * 64 + (64u << 20);
    options.orders = options.holds = options.keys = wanted->orders + 1000000;
    options.order_bytes = options.key_bytes = (uint64_t)wanted->orders * 400 + (1u << 30);
    options.log = *log;
    if (stk_engine_create(&embed->engine, &options, err) != STK_OK)
        return complain(err);
    embed->forgetful.engine = embed->engine;
    embed->inbox = stk_engine_inbox_open(embed->engine, wake, embed, err);
    embed->fold_inbox = embed->inbox ? stk_engine_inbox_open(embed->engine, NULL, NULL, err) : NULL;
    if (!embed->fold_inbox || stk_engine_load(embed->engine, embed->rows, err) != STK_OK)
        return complain(err);
    return 1;
}

struct bench_embed *bench_embed_open(const struct bench_embed_options *options)
{
    struct bench_embed *embed = calloc(1, sizeof(*embed));
    struct stk_error err = {0};
    struct stk_log log;
    if (!embed)
        return NULL;
    embed->options = *options;
    if (options->folder)
        mkdir(options->folder, 0700);
    int ok = options->folder ? real_open(embed, &log, &err) : forgetful_open(embed, &log, &err);
    ok = ok && engine_open(embed, &log, &err);
    if (ok && options->folder) {
        ok = stk_journal_start(embed->journal, &err) == STK_OK || complain(&err);
        embed->journal_runs = ok;
        ok = ok && fold_open(embed, &log, &err);
    }
    if (ok && !options->by_hand)
        ok = stk_thread_start(&embed->thread, STK_ROLE_ENGINE, "engine", engine_main, embed,
                              &err) == STK_OK ||
             complain(&err);
    if (ok)
        return embed;
    bench_embed_close(embed);
    return NULL;
}

void bench_embed_close(struct bench_embed *embed)
{
    if (!embed)
        return;
    if (embed->thread.running) {
        stk_engine_stop(embed->engine);
        stk_thread_join(&embed->thread);
    }
    if (embed->fold_runs)
        stk_fold_stop(embed->fold, 0);
    if (embed->journal_runs)
        stk_journal_stop(embed->journal);
    if (embed->fold)
        stk_fold_destroy(embed->fold);
    if (embed->engine)
        stk_engine_destroy(embed->engine);
    if (embed->rows)
        stk_rows_close(embed->rows);
    if (embed->journal)
        stk_journal_close(embed->journal);
    for (unsigned i = 0; i < 2; i++)
        stk_batch_fini(&embed->forgetful.batch[i]);
    free(embed);
}

/* ---- use --------------------------------------------------------------------------------------
 */

struct stk_engine *bench_embed_engine(struct bench_embed *embed)
{
    return embed->engine;
}

struct stk_inbox *bench_embed_inbox(struct bench_embed *embed)
{
    return embed->inbox;
}

void bench_embed_wait(struct bench_embed *embed, int64_t timeout_ns)
{
    if (embed->options.by_hand)
        stk_engine_turn(embed->engine);
    else
        stk_park_wait(&embed->park, timeout_ns);
}

/* Take what answers there are; each is told when it refuses. */
static void take_answers(struct bench_embed *embed)
{
    const struct stk_answer *answer;
    unsigned taken = 0;
    while ((answer = stk_inbox_answer(embed->inbox)) != NULL) {
        taken++;
        if (answer->status != STK_OK && embed->refused++ < 3)
            fprintf(stderr, "stockade-bench: engine: %s\n", stk_status_name(answer->status));
    }
    embed->owed -= taken;
    if (taken)
        stk_inbox_release(embed->inbox);
}

int bench_embed_settle(struct bench_embed *embed)
{
    int64_t until_ns = bench_now_ns() + 60000000000;
    while (embed->owed && bench_now_ns() < until_ns && !bench_stopping()) {
        take_answers(embed);
        if (embed->owed)
            bench_embed_wait(embed, 10000000);
    }
    return embed->owed == 0 && embed->refused == 0;
}

int bench_embed_submit(struct bench_embed *embed, const char *verb, const struct stk_doc *params,
                       uint64_t ticket)
{
    const uint32_t room = params->size < 1024 ? 8192 : COMMAND_BYTES;
    struct stk_parse parse;
    struct stk_error err = {0};
    struct stk_command *command = stk_inbox_reserve(embed->inbox, room);
    for (int tries = 0; !command && tries < 100000; tries++) {
        take_answers(embed);
        bench_embed_wait(embed, 1000000);
        command = stk_inbox_reserve(embed->inbox, room);
    }
    const struct stk_verb *entry =
        stk_verb_by_name((struct stk_bytes){verb, (uint32_t)strlen(verb)});
    if (!command || !entry ||
        stk_doc_parse(params->data, params->size, STK_MESSAGE_MAX, STK_DEPTH_MAX, embed->values,
                      16384, &parse) != STK_OK ||
        stk_command_decode(entry, parse.root, command, room, &err) != STK_OK) {
        fprintf(stderr, "stockade-bench: %s: %s\n", verb, err.text);
        return 0;
    }
    command->ticket = ticket;
    stk_inbox_commit(embed->inbox, command);
    stk_inbox_publish(embed->inbox);
    if (++embed->owed % LOAD_WINDOW == 0)
        return bench_embed_settle(embed);
    return 1;
}

static int put_sku(struct bench_embed *embed, uint32_t number)
{
    char sku[BENCH_SKU_SIZE + 1];
    struct stk_doc doc = stk_doc(embed->params, sizeof(embed->params));
    bench_sku_name(sku, number);
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "sku", sku);
    return bench_embed_submit(embed, "sku.put", &doc, 0);
}

/* A message of a snapshot: its rows are counted in one go when all of them are there. */
static int put_rows(struct bench_embed *embed, uint32_t snapshot, uint32_t total, uint32_t first,
                    uint32_t count, uint32_t stock)
{
    char name[32], id[48], sku[BENCH_SKU_SIZE + 1];
    struct stk_doc doc = stk_doc(embed->params, sizeof(embed->params));
    snprintf(name, sizeof(name), "opening-%u", snapshot);
    snprintf(id, sizeof(id), "rows-%u", first);
    stk_doc_map(&doc, 6);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "id", id);
    stk_doc_key_text(&doc, "snapshot", name);
    stk_doc_key_text(&doc, "location", "main");
    stk_doc_key_int(&doc, "total", total);
    stk_doc_text(&doc, "rows");
    stk_doc_array(&doc, count);
    for (uint32_t i = 0; i < count; i++) {
        bench_sku_name(sku, first + i);
        stk_doc_map(&doc, 2);
        stk_doc_key_text(&doc, "sku", sku);
        stk_doc_key_int(&doc, "quantity", stock);
    }
    return bench_embed_submit(embed, "stock.snapshot", &doc, 0);
}

/* The engine applies a snapshot in slices of its own. */
static int wait_for_cells(struct bench_embed *embed, uint32_t cells)
{
    const struct stk_engine_counters *counters = stk_engine_counters(embed->engine);
    int64_t until_ns = bench_now_ns() + 60000000000;
    while (stk_counter_get(&counters->cells) < cells && !bench_stopping()) {
        if (bench_now_ns() > until_ns) {
            fprintf(stderr, "stockade-bench: the opening stock is not applied\n");
            return 0;
        }
        bench_embed_wait(embed, 1000000);
    }
    return 1;
}

/* SKUs from first on, and their opening stock as one snapshot. */
static int load_part(struct bench_embed *embed, uint32_t first, uint32_t count, uint32_t stock)
{
    for (uint32_t i = 0; i < count && !bench_stopping(); i++)
        if (!put_sku(embed, first + i))
            return 0;
    for (uint32_t i = 0; i < count && !bench_stopping(); i += STK_LINES_MAX)
        if (!put_rows(embed, first, count, first + i,
                      count - i < STK_LINES_MAX ? count - i : STK_LINES_MAX, stock))
            return 0;
    return bench_embed_settle(embed) && wait_for_cells(embed, first + count);
}

int bench_embed_load(struct bench_embed *embed, uint32_t stock)
{
    struct stk_doc doc = stk_doc(embed->params, sizeof(embed->params));
    uint32_t skus = embed->options.skus;
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "location", "main");
    if (!bench_embed_submit(embed, "location.put", &doc, 0))
        return 0;
    for (uint32_t i = 0; i < skus && !bench_stopping(); i += SNAPSHOT_ROWS) {
        if (!load_part(embed, i, skus - i < SNAPSHOT_ROWS ? skus - i : SNAPSHOT_ROWS, stock))
            return 0;
        if (embed->options.by_hand && embed->fold && !bench_embed_fold(embed))
            return 0;
    }
    return bench_embed_settle(embed);
}

int bench_embed_fold(struct bench_embed *embed)
{
    struct stk_error err = {0};
    uint64_t folded = 1;
    while (folded)
        if (stk_fold_step(embed->fold, &folded, &err) != STK_OK)
            return complain(&err);
    return 1;
}

stk_seq_t bench_embed_durable(struct bench_embed *embed)
{
    return embed->journal ? stk_journal_log(embed->journal).durable(embed->journal) : 0;
}

stk_seq_t bench_embed_folded(struct bench_embed *embed)
{
    return embed->rows ? stk_rows_folded(embed->rows) : 0;
}

void bench_embed_stats(struct bench_embed *embed, struct stk_journal_stats *out)
{
    memset(out, 0, sizeof(*out));
    if (embed->journal)
        stk_journal_stats(embed->journal, out);
}
