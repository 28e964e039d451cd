/* A driver thread submits a hold and its release, as prepared commands whose ids, SKU and hashes
 * are patched in place, and takes the answers, which come when their effect is durable. What is
 * counted is answered commands: each is one effect in J.
 *
 * Threads: the driver is the main thread; engine, journal and fold have their own. */
#include "bench/inproc.h"
#include "bench/embed.h"
#include "bench/hist.h"
#include "bench/keys.h"
#include "bench/report.h"
#include "bench/scratch.h"
#include "bench/usage.h"
#include "core/base/doc.h"
#include "core/base/hash.h"
#include "core/flow/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>
#include <unistd.h>

#define TEMPLATE_BYTES 1024
#define SLICE          128 /* pairs between two looks at the answers */
#define STAMPS         (1u << 20)

/* A decoded command that is copied and patched. */
struct template
{
    union {
        struct stk_command command;
        uint8_t bytes[TEMPLATE_BYTES];
    } as;
    uint32_t id_at, order_at, sku_at; /* offsets of texts; 0 = none */
};

struct inproc {
    const struct bench_options *options;
    struct bench_embed *embed;
    struct stk_inbox *inbox;
    struct bench_picks picks;
    struct bench_picker picker;
    struct template place, cancel;
    uint64_t order; /* of the next pair */
    uint64_t asked, answered, refused, counted;
    int64_t applied_ns; /* engine alone: spent in its turns within the time that counts */
    int keep;           /* engine alone: holds are not released */
    int64_t count_from_ns, end_ns;
    int64_t *stamps; /* by ticket modulo STAMPS */
    struct bench_hist hist;
};

static int make_template(struct template *template, const char *verb, const struct stk_doc *params)
{
    struct stk_value values[64];
    struct stk_parse parse;
    struct stk_error err = {0};
    const struct stk_verb *entry =
        stk_verb_by_name((struct stk_bytes){verb, (uint32_t)strlen(verb)});
    if (stk_doc_parse(params->data, params->size, STK_MESSAGE_MAX, STK_DEPTH_MAX, values, 64,
                      &parse) == STK_OK &&
        stk_command_decode(entry, parse.root, &template->as.command, TEMPLATE_BYTES, &err) ==
            STK_OK)
        return 1;
    fprintf(stderr, "stockade-bench: %s: %s\n", verb, err.text);
    return 0;
}

static uint32_t find(const struct template *template, const char *text)
{
    const uint8_t *found =
        memmem(template->as.bytes, template->as.command.size, text, strlen(text));
    return found ? (uint32_t)(found - template->as.bytes) : 0;
}

static int make_templates(struct inproc *inproc)
{
    uint8_t bytes[512];
    char sku[BENCH_SKU_SIZE + 1], order[BENCH_ORDER_SIZE + 1];
    bench_sku_name(sku, 0);
    bench_order_name(order, 0);
    struct stk_doc doc = stk_doc(bytes, sizeof(bytes));
    stk_doc_map(&doc, 4);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "id", order);
    stk_doc_key_int(&doc, "ttl_ms", inproc->options->ttl_ms);
    stk_doc_text(&doc, "lines");
    stk_doc_array(&doc, 1);
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "sku", sku);
    stk_doc_key_int(&doc, "quantity", 1);
    if (!make_template(&inproc->place, "order.place", &doc))
        return 0;
    doc = stk_doc(bytes, sizeof(bytes));
    stk_doc_map(&doc, 3);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "id", "CXL-000000000000");
    stk_doc_key_text(&doc, "order", order);
    if (!make_template(&inproc->cancel, "order.cancel", &doc))
        return 0;
    inproc->place.id_at = find(&inproc->place, order);
    inproc->place.sku_at = find(&inproc->place, sku);
    inproc->cancel.id_at = find(&inproc->cancel, "CXL-");
    inproc->cancel.order_at = find(&inproc->cancel, order);
    return inproc->place.id_at && inproc->place.sku_at && inproc->cancel.id_at &&
           inproc->cancel.order_at;
}

/* What the decoder would have put there for this id: the keys, and a body hash of its own. */
static void finish(struct inproc *inproc, struct stk_command *command, uint32_t id_at,
                   unsigned space)
{
    uint8_t *bytes = (uint8_t *)command;
    struct stk_bytes source = stk_command_bytes(command, command->source);
    struct stk_bytes id = {(const char *)bytes + id_at, BENCH_ORDER_SIZE};
    command->key = stk_command_key(space, source, id);
    command->body.low += inproc->order;
    command->ticket = inproc->asked++;
    if (command->ticket % 64 == 0)
        inproc->stamps[command->ticket / 64 % STAMPS] = bench_now_ns();
    stk_inbox_commit(inproc->inbox, command);
}

/* One hold and its release; 0 when the inbox is full. */
static int submit_pair(struct inproc *inproc)
{
    const struct template *place = &inproc->place, *cancel = &inproc->cancel;
    struct stk_command *command = stk_inbox_reserve(inproc->inbox, place->as.command.size * 3);
    if (!command)
        return 0;
    uint8_t *bytes = (uint8_t *)command;
    memcpy(bytes, place->as.bytes, place->as.command.size);
    bench_put_hex(bytes + place->id_at + 4, inproc->order);
    bench_put_digits(bytes + place->sku_at + 4, bench_pick(&inproc->picker));
    finish(inproc, command, place->id_at, STK_KEY_ORDER);
    struct stk_hash order_key = command->key;
    if (inproc->keep) {
        inproc->order++;
        return 1;
    }
    command = stk_inbox_reserve(inproc->inbox, cancel->as.command.size);
    bytes = (uint8_t *)command;
    memcpy(bytes, cancel->as.bytes, cancel->as.command.size);
    bench_put_hex(bytes + cancel->id_at + 4, inproc->order);
    bench_put_hex(bytes + cancel->order_at + 4, inproc->order);
    command->order_key = order_key;
    finish(inproc, command, cancel->id_at, STK_KEY_OTHER);
    inproc->order++;
    return 1;
}

static unsigned take_answers(struct inproc *inproc)
{
    const struct stk_answer *answer;
    unsigned taken = 0;
    int64_t now_ns = bench_now_ns();
    int counts = now_ns >= inproc->count_from_ns && now_ns < inproc->end_ns;
    while ((answer = stk_inbox_answer(inproc->inbox)) != NULL) {
        taken++;
        inproc->refused += answer->status != STK_OK;
        if (counts && answer->ticket % 64 == 0)
            bench_hist_add(&inproc->hist, now_ns - inproc->stamps[answer->ticket / 64 % STAMPS]);
    }
    if (taken)
        stk_inbox_release(inproc->inbox);
    inproc->answered += taken;
    inproc->counted += counts ? taken : 0;
    return taken;
}

/* The engine's turn on this thread, in processor time, so that others do not count. */
static void turn(struct inproc *inproc)
{
    int64_t now_ns = bench_now_ns(), start_ns = bench_cpu_ns();
    stk_engine_turn(bench_embed_engine(inproc->embed));
    if (now_ns >= inproc->count_from_ns && now_ns < inproc->end_ns)
        inproc->applied_ns += bench_cpu_ns() - start_ns;
}

/* Until the time is over and all is answered, or for a while after that. */
static int drive(struct inproc *inproc)
{
    const struct bench_options *options = inproc->options;
    uint64_t flight_max = (uint64_t)options->conns * options->inflight;
    int64_t now_ns = bench_now_ns();
    inproc->count_from_ns = now_ns + (int64_t)(options->warmup * 1e9);
    inproc->end_ns = inproc->count_from_ns + (int64_t)(options->seconds * 1e9);
    int64_t give_up_ns = inproc->end_ns + 20000000000;
    while (now_ns < inproc->end_ns || inproc->answered < inproc->asked) {
        unsigned pairs = 0;
        while (now_ns < inproc->end_ns && pairs < SLICE &&
               inproc->asked - inproc->answered + 2 <= flight_max && submit_pair(inproc))
            pairs++;
        if (pairs)
            stk_inbox_publish(inproc->inbox);
        if (options->kind == BENCH_ENGINE)
            turn(inproc);
        if (!take_answers(inproc) && !pairs)
            bench_embed_wait(inproc->embed, 1000000);
        now_ns = bench_now_ns();
        if (bench_stopping() && now_ns < inproc->end_ns)
            inproc->end_ns = now_ns;
        if (now_ns > give_up_ns)
            return 0;
    }
    return 1;
}

static void report(struct inproc *inproc, const struct stk_journal_stats *stats,
                   const struct bench_usage *before, const struct bench_usage *after, int ok)
{
    double seconds = (double)(inproc->end_ns - inproc->count_from_ns) / 1e9;
    double backlog =
        (double)(bench_embed_durable(inproc->embed) - bench_embed_folded(inproc->embed));
    double effects = stats->effects ? (double)stats->effects : 1;
    const struct bench_extra extra[] = {
        {"bytes_per_effect", (double)stats->bytes / effects},
        {"effects_per_flush", effects / (stats->flushes ? (double)stats->flushes : 1)},
        {"flush_p50_us", (double)stats->flush_p50_us},
        {"flush_p99_us", (double)stats->flush_p99_us},
        {"engine_cpu_us", (double)bench_usage_thread(before, after, "engine") / effects},
        {"process_cpu_us", (double)(after->process_us - before->process_us) / effects},
        {"others_percent", bench_usage_others(before, after, 0)},
        {"backlog_of_fold", backlog},
        {"refused", (double)inproc->refused},
        {NULL, 0}};
    struct bench_row row = {.bench = bench_options_name(inproc->options),
                            .system = "stockade",
                            .version = STK_VERSION_TEXT,
                            .ops_per_s = seconds > 0 ? (double)inproc->counted / seconds : 0,
                            .p50_us = bench_hist_us(&inproc->hist, 0.5),
                            .p99_us = bench_hist_us(&inproc->hist, 0.99),
                            .p999_us = bench_hist_us(&inproc->hist, 0.999),
                            .extra = extra,
                            .note = ok ? NULL
                                       : "commands were refused or not answered, or units "
                                         "are still held",
                            .failed = !ok};
    bench_report_row(inproc->options, &row);
}

/* Every hold was released: nothing may be held any more. */
static int nothing_held(struct inproc *inproc)
{
    struct stk_engine *engine = bench_embed_engine(inproc->embed);
    char sku[BENCH_SKU_SIZE + 1];
    for (uint32_t i = 0; i < inproc->options->skus; i++) {
        struct stk_stock_view view;
        bench_sku_name(sku, i);
        stk_sku_t slot = stk_engine_find_sku(engine, (struct stk_bytes){sku, BENCH_SKU_SIZE});
        if (slot == STK_NONE ||
            stk_engine_stock(engine, slot, (struct stk_bytes){0}, UINT16_MAX, &view) != STK_OK ||
            view.cells != 1 || view.cell[0].held != 0)
            return 0;
    }
    return 1;
}

static int run(struct inproc *inproc)
{
    struct stk_journal_stats before, after;
    struct bench_usage usage[2];
    bench_embed_stats(inproc->embed, &before);
    bench_usage_take(&usage[0], getpid());
    int ok = drive(inproc);
    bench_usage_take(&usage[1], getpid());
    bench_embed_stats(inproc->embed, &after);
    after.flushes -= before.flushes;
    after.effects -= before.effects;
    after.bytes -= before.bytes;
    report(inproc, &after, &usage[0], &usage[1], ok && !inproc->refused && nothing_held(inproc));
    bench_usage_show(inproc->options, &usage[0], &usage[1], 0);
    return 1;
}

/* Holds that are kept, then holds that are released: commands per second of the engine's turns. */
static int run_alone(struct inproc *inproc, int keep)
{
    struct bench_extra shown[] = {{"commands", 0}, {NULL, 0}};
    inproc->keep = keep;
    inproc->counted = 0;
    inproc->applied_ns = 0;
    int ok = drive(inproc) && !inproc->refused;
    shown[0].value = (double)inproc->counted;
    struct bench_row row = {.bench = keep ? "engine-hold" : "engine-pair",
                            .system = "stockade",
                            .version = STK_VERSION_TEXT,
                            .ops_per_s = (double)inproc->counted * 1e9 / (double)inproc->applied_ns,
                            .p50_us = -1,
                            .p99_us = -1,
                            .p999_us = -1,
                            .extra = shown,
                            .note = ok ? NULL : "commands were refused",
                            .failed = !ok};
    bench_report_row(inproc->options, &row);
    return 1;
}

static void describe(const struct bench_options *options)
{
    char title[256];
    snprintf(title, sizeof(title),
             options->kind == BENCH_ENGINE
                 ? "engine: commands a second of its turns alone, in one thread, without a disk; "
                   "%u in flight; %u SKUs, %s; %g s after %g s"
                 : "hold-inproc: hold and release inside the process, durable; %u commands in "
                   "flight; %u SKUs, %s; %g s after %g s",
             options->conns * options->inflight, options->skus, bench_options_pattern(options),
             options->seconds, options->warmup);
    bench_report_title(options, title);
}

static int run_kind(struct inproc *inproc)
{
    inproc->inbox = bench_embed_inbox(inproc->embed);
    if (!make_templates(inproc) || !bench_embed_load(inproc->embed, 1000000000))
        return 0;
    if (inproc->options->kind == BENCH_INPROC)
        return run(inproc);
    return run_alone(inproc, 0) && (bench_stopping() || run_alone(inproc, 1));
}

int bench_inproc_run(const struct bench_options *options)
{
    char folder[BENCH_PATH_MAX];
    struct inproc *inproc = calloc(1, sizeof(*inproc));
    double pairs = (options->seconds + options->warmup) * 3000000;
    int alone = options->kind == BENCH_ENGINE, ok = 0;
    bench_scratch_file(folder, "inproc");
    struct bench_embed_options embed = {.folder = alone ? NULL : folder,
                                        .skus = options->skus,
                                        .orders = pairs < 2e7 ? (uint32_t)pairs : 20000000,
                                        .by_hand = alone};
    if (inproc && bench_picks_make(&inproc->picks, options)) {
        inproc->options = options;
        inproc->picker = bench_picker(&inproc->picks, options, 0);
        inproc->order = 1;
        inproc->stamps = calloc(STAMPS, sizeof(*inproc->stamps));
        describe(options);
        inproc->embed = inproc->stamps ? bench_embed_open(&embed) : NULL;
        ok = inproc->embed && run_kind(inproc);
        bench_embed_close(inproc->embed);
        free(inproc->stamps);
        bench_picks_free(&inproc->picks);
    }
    free(inproc);
    bench_scratch_remove(folder);
    return ok || bench_stopping();
}
