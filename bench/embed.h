/* The engine inside this process: with journal and fold on a data folder, or on a log that forgets
 * at once, for what needs no disk. Loading and looking from the main thread. */
#ifndef STK_BENCH_EMBED_H
#define STK_BENCH_EMBED_H

#include "core/base/doc.h"
#include "core/flow/engine.h"
#include "core/flow/view.h"

struct bench_embed_options {
    const char *folder; /* of journal and rows; NULL = a log that forgets */
    uint32_t skus;
    uint32_t orders; /* in memory at once */
    int by_hand;     /* no engine and no fold thread: bench_embed_turn, bench_embed_fold */
};

struct bench_embed;
/* NULL: it printed why not. */
struct bench_embed *bench_embed_open(const struct bench_embed_options *options);
/* Stops the threads; what is not folded stays so. */
void bench_embed_close(struct bench_embed *embed);

struct stk_engine *bench_embed_engine(struct bench_embed *embed);
/* Its inbox; answers wake whoever waits in bench_embed_wait. */
struct stk_inbox *bench_embed_inbox(struct bench_embed *embed);
void bench_embed_wait(struct bench_embed *embed, int64_t timeout_ns);

/* One location "main" and options->skus SKUs with `stock` units there, by commands. */
int bench_embed_load(struct bench_embed *embed, uint32_t stock);

/* By hand: apply what was submitted. Fold all that is durable. 0: it printed why not. */
int bench_embed_fold(struct bench_embed *embed);

/* Decode params, one map, into the inbox and publish. 0: it printed why not (a full inbox waits).
 */
int bench_embed_submit(struct bench_embed *embed, const char *verb, const struct stk_doc *params,
                       uint64_t ticket);
/* Take answers until none is owed. Refusals are printed; 0 when there was one. */
int bench_embed_settle(struct bench_embed *embed);

/* Sequences: durable and folded; journal figures. */
stk_seq_t bench_embed_durable(struct bench_embed *embed);
stk_seq_t bench_embed_folded(struct bench_embed *embed);
void bench_embed_stats(struct bench_embed *embed, struct stk_journal_stats *out);

#endif
