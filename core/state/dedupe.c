/* Keys in memory: in the order of their sequences, found by an index; they and their documents
 * leave in that order. Keys on disk: a cuckoo filter.
 *
 * Filter: two buckets of four entries for a key, one from its low half, the other from that and the
 * fingerprint alone, so that an entry can move without its key. An entry is a fingerprint and the
 * slot of its run; an entry whose run was dropped is as good as empty. Always: an insert that fails
 * has put every entry back where it was; nothing that went in is ever lost. A slot of a run is used
 * again only after all others; what is left of its old entries then counts as new ones, which makes
 * a false "look it up" a little more likely and nothing wrong. */
#include "core/state/dedupe.h"
#include <string.h>

#define BUCKET 4
#define KICKS  400

#define ENTRY_BYTES  ((uint32_t)sizeof(struct stk_key_entry))
#define ENTRIES_EACH 1024u      /* in a segment */
#define DOC_SEGMENT  (1u << 20) /* the largest document */

/* ---- life ---- */

static uint64_t filter_bytes(const struct stk_dedupe *dedupe)
{
    return dedupe->filter_buckets * BUCKET * sizeof *dedupe->filter;
}

static enum stk_status init_docs(struct stk_dedupe *dedupe, uint64_t bytes, struct stk_error *err)
{
    uint64_t segment = bytes / 2 < DOC_SEGMENT ? bytes / 2 : DOC_SEGMENT;
    segment -= segment % STK_FIFO_UNIT;
    if (segment == 0 || bytes / segment >= STK_NONE)
        return stk_error_set(err, STK_INVALID, "answers cannot be kept in %llu bytes",
                             (unsigned long long)bytes);
    return stk_fifo_init(&dedupe->docs, segment, (uint32_t)(bytes / segment), err);
}

enum stk_status stk_dedupe_init(struct stk_dedupe *dedupe, uint32_t keys, uint64_t doc_bytes,
                                uint32_t keys_on_disk, struct stk_error *err)
{
    memset(dedupe, 0, sizeof *dedupe);
    stk_assert(keys > 0);
    dedupe->capacity = keys;
    /* nine tenths full at most: then an insert finds room in a few steps */
    dedupe->filter_buckets = (uint64_t)keys_on_disk * 10 / 9 / BUCKET + 4;
    dedupe->filter_capacity = keys_on_disk;
    if (init_docs(dedupe, doc_bytes, err) != STK_OK ||
        stk_index_init(&dedupe->index, keys, err) != STK_OK ||
        stk_fifo_init(&dedupe->entries, ENTRIES_EACH * ENTRY_BYTES, keys / ENTRIES_EACH + 2, err) !=
            STK_OK ||
        !(dedupe->filter =
              stk_mem_reserve(filter_bytes(dedupe), filter_bytes(dedupe) >= 8u << 20, err)) ||
        !(dedupe->runs = stk_mem_reserve((STK_DEDUPE_RUNS + 1) * sizeof *dedupe->runs, 0, err))) {
        stk_dedupe_fini(dedupe);
        return err ? err->status : STK_NO_MEMORY;
    }
    return STK_OK;
}

void stk_dedupe_fini(struct stk_dedupe *dedupe)
{
    stk_fifo_fini(&dedupe->docs);
    stk_index_fini(&dedupe->index);
    stk_fifo_fini(&dedupe->entries);
    stk_mem_unreserve(dedupe->filter, filter_bytes(dedupe));
    stk_mem_unreserve(dedupe->runs, (STK_DEDUPE_RUNS + 1) * sizeof *dedupe->runs);
    memset(dedupe, 0, sizeof *dedupe);
}

/* ---- in memory ---- */

static uint64_t index_hash(struct stk_hash key)
{
    return key.low ^ key.high;
}

const struct stk_key_entry *stk_dedupe_find(const struct stk_dedupe *dedupe, struct stk_hash key)
{
    uint64_t cursor = 0;
    const struct stk_key_entry *found = NULL;
    for (;;) {
        uint32_t at = stk_index_next(&dedupe->index, index_hash(key), &cursor);
        if (at == STK_NONE)
            return found;
        const struct stk_key_entry *entry = stk_fifo_at(&dedupe->entries, at);
        if (entry->key.low == key.low && entry->key.high == key.high &&
            (!found || entry->seq > found->seq))
            found = entry;
    }
}

struct stk_bytes stk_dedupe_doc(const struct stk_dedupe *dedupe, const struct stk_key_entry *entry)
{
    if (entry->doc == STK_NONE)
        return (struct stk_bytes){0};
    return (struct stk_bytes){stk_fifo_at(&dedupe->docs, entry->doc), entry->doc_size};
}

int stk_dedupe_has_room(const struct stk_dedupe *dedupe, uint32_t doc_size)
{
    return dedupe->count < dedupe->capacity && stk_fifo_has_room(&dedupe->docs, doc_size);
}

void stk_dedupe_add(struct stk_dedupe *dedupe, const struct stk_key_entry *entry,
                    struct stk_bytes doc)
{
    uint32_t at = stk_fifo_take(&dedupe->entries, ENTRY_BYTES);
    struct stk_key_entry *to;
    enum stk_status status;
    stk_assert(dedupe->count < dedupe->capacity && entry->seq > dedupe->last && at != STK_NONE);
    to = stk_fifo_at(&dedupe->entries, at);
    *to = *entry;
    to->doc = STK_NONE;
    to->doc_size = doc.size;
    if (doc.size) {
        to->doc = stk_fifo_take(&dedupe->docs, doc.size);
        stk_assert(to->doc != STK_NONE);
        memcpy(stk_fifo_at(&dedupe->docs, to->doc), doc.data, doc.size);
    }
    status = stk_index_insert(&dedupe->index, index_hash(to->key), at);
    stk_assert(status == STK_OK);
    if (dedupe->count++ == 0)
        dedupe->head = at;
    dedupe->last = entry->seq;
}

stk_seq_t stk_dedupe_last(const struct stk_dedupe *dedupe)
{
    return dedupe->last;
}

static const struct stk_key_entry *oldest(const struct stk_dedupe *dedupe)
{
    return stk_fifo_at(&dedupe->entries, dedupe->head);
}

static void drop_oldest(struct stk_dedupe *dedupe)
{
    const struct stk_key_entry *entry = oldest(dedupe);
    uint32_t next = stk_fifo_after(&dedupe->entries, dedupe->head, ENTRY_BYTES);
    stk_index_remove(&dedupe->index, index_hash(entry->key), dedupe->head);
    if (entry->doc != STK_NONE)
        stk_fifo_give(&dedupe->docs, entry->doc);
    stk_fifo_give(&dedupe->entries, dedupe->head);
    dedupe->head = next;
    dedupe->count--;
}

/* ---- the filter ---- */

static uint32_t fingerprint(struct stk_hash key)
{
    return (uint32_t)(key.high & 0xffff);
}

/* Multiply and shift: any number of buckets will do. */
static uint64_t bucket_of(const struct stk_dedupe *dedupe, uint64_t hash)
{
    return (uint64_t)((unsigned __int128)hash * dedupe->filter_buckets >> 64);
}

/* One from the other, either way: the sum of both is a number of the fingerprint. */
static uint64_t other_bucket(const struct stk_dedupe *dedupe, uint64_t bucket, uint32_t print)
{
    uint64_t sum = bucket_of(dedupe, (print + 1) * UINT64_C(0x9e3779b97f4a7c15));
    return sum >= bucket ? sum - bucket : sum + dedupe->filter_buckets - bucket;
}

static int is_empty(const struct stk_dedupe *dedupe, uint32_t entry)
{
    uint32_t slot = entry & 0xffff;
    return slot == 0 || dedupe->runs[slot].id == 0;
}

static int bucket_has(const struct stk_dedupe *dedupe, uint64_t bucket, uint32_t print)
{
    for (unsigned i = 0; i < BUCKET; i++) {
        uint32_t entry = dedupe->filter[bucket * BUCKET + i];
        if (entry >> 16 == print && !is_empty(dedupe, entry))
            return 1;
    }
    return 0;
}

int stk_dedupe_may_be_on_disk(const struct stk_dedupe *dedupe, struct stk_hash key)
{
    if (dedupe->filter_count == 0)
        return 0;
    uint32_t print = fingerprint(key);
    uint64_t bucket = bucket_of(dedupe, key.low);
    return bucket_has(dedupe, bucket, print) ||
           bucket_has(dedupe, other_bucket(dedupe, bucket, print), print);
}

void stk_dedupe_prefetch(const struct stk_dedupe *dedupe, struct stk_hash key)
{
    stk_index_prefetch(&dedupe->index, index_hash(key));
    if (dedupe->filter_count == 0)
        return;
    uint64_t bucket = bucket_of(dedupe, key.low);
    __builtin_prefetch(&dedupe->filter[bucket * BUCKET]);
    __builtin_prefetch(&dedupe->filter[other_bucket(dedupe, bucket, fingerprint(key)) * BUCKET]);
}

static int bucket_put(struct stk_dedupe *dedupe, uint64_t bucket, uint32_t entry)
{
    for (unsigned i = 0; i < BUCKET; i++) {
        if (!is_empty(dedupe, dedupe->filter[bucket * BUCKET + i]))
            continue;
        dedupe->filter[bucket * BUCKET + i] = entry;
        return 1;
    }
    return 0;
}

/* Entries are pushed to their other bucket until one finds room; a walk that does not end is
 * undone. */
static int kick(struct stk_dedupe *dedupe, uint64_t bucket, uint32_t entry)
{
    uint64_t path[KICKS];
    for (unsigned step = 0; step < KICKS; step++) {
        uint64_t at = bucket * BUCKET + (step * 7 + entry) % BUCKET;
        uint32_t pushed = dedupe->filter[at];
        dedupe->filter[at] = entry;
        path[step] = at;
        entry = pushed;
        bucket = other_bucket(dedupe, bucket, entry >> 16);
        if (bucket_put(dedupe, bucket, entry))
            return 1;
    }
    for (unsigned step = KICKS; step-- > 0;) {
        uint32_t pushed = dedupe->filter[path[step]];
        dedupe->filter[path[step]] = entry;
        entry = pushed;
    }
    return 0;
}

/* An entry of this fingerprint and class is there: it is, or becomes, that of the later run. It
 * covers every key that it stood for, since the later run is dropped later. */
static int bucket_renew(struct stk_dedupe *dedupe, uint64_t bucket, uint32_t print, uint32_t slot)
{
    for (unsigned i = 0; i < BUCKET; i++) {
        uint32_t *entry = &dedupe->filter[bucket * BUCKET + i];
        struct stk_dedupe_run *run = &dedupe->runs[*entry & 0xffff];
        if (*entry >> 16 != print || is_empty(dedupe, *entry) ||
            run->class != dedupe->runs[slot].class)
            continue;
        if (run->id < dedupe->runs[slot].id) {
            run->count--;
            dedupe->runs[slot].count++;
            *entry = print << 16 | slot;
        }
        return 1;
    }
    return 0;
}

static uint32_t slot_of_run(struct stk_dedupe *dedupe, uint32_t run_id, uint8_t class)
{
    for (uint32_t i = 1; i <= STK_DEDUPE_RUNS && i <= dedupe->run_top; i++)
        if (dedupe->runs[i].id == run_id)
            return i;
    for (uint32_t n = 0; n < STK_DEDUPE_RUNS; n++) { /* in turn, so that stale entries fade first */
        dedupe->run_next = dedupe->run_next % STK_DEDUPE_RUNS + 1;
        if (dedupe->runs[dedupe->run_next].id)
            continue;
        dedupe->runs[dedupe->run_next] = (struct stk_dedupe_run){run_id, 0, class};
        if (dedupe->run_next > dedupe->run_top)
            dedupe->run_top = dedupe->run_next;
        return dedupe->run_next;
    }
    return 0;
}

static uint32_t known_slot(struct stk_dedupe *dedupe, uint32_t run_id, uint8_t class)
{
    uint32_t slot;
    stk_assert(run_id != 0);
    for (unsigned i = 0; i < 2; i++)
        if (dedupe->slot_last[i] && dedupe->runs[dedupe->slot_last[i]].id == run_id)
            return dedupe->slot_last[i];
    slot = slot_of_run(dedupe, run_id, class);
    dedupe->slot_last[1] = dedupe->slot_last[0];
    dedupe->slot_last[0] = slot;
    return slot;
}

enum stk_status stk_dedupe_filter_add(struct stk_dedupe *dedupe, uint32_t run_id, uint8_t class,
                                      struct stk_hash key)
{
    uint32_t slot = known_slot(dedupe, run_id, class);
    if (!slot)
        return STK_FULL;
    uint32_t print = fingerprint(key);
    uint32_t entry = print << 16 | slot;
    uint64_t bucket = bucket_of(dedupe, key.low);
    uint64_t other = other_bucket(dedupe, bucket, print);
    if (bucket_renew(dedupe, bucket, print, slot) || bucket_renew(dedupe, other, print, slot))
        return STK_OK;
    if (dedupe->filter_count >= dedupe->filter_capacity)
        return STK_FULL;
    if (!bucket_put(dedupe, bucket, entry) && !bucket_put(dedupe, other, entry) &&
        !kick(dedupe, other, entry))
        return STK_FULL;
    dedupe->runs[slot].count++;
    dedupe->filter_count++;
    return STK_OK;
}

uint32_t stk_dedupe_forget(struct stk_dedupe *dedupe, stk_seq_t last, uint32_t run_of_class[2],
                           uint32_t max, enum stk_status *status)
{
    uint32_t gone = 0;
    *status = STK_OK;
    while (gone < max && dedupe->count && oldest(dedupe)->seq <= last) {
        const struct stk_key_entry *entry = oldest(dedupe);
        uint32_t run_id = run_of_class[entry->class & 1];
        if (run_id == 0)
            return max; /* the run of this class is not told yet: come again */
        *status = stk_dedupe_filter_add(dedupe, run_id, entry->class & 1, entry->key);
        if (*status != STK_OK)
            return gone;
        drop_oldest(dedupe);
        gone++;
    }
    return gone;
}

void stk_dedupe_drop_run(struct stk_dedupe *dedupe, uint32_t run_id)
{
    for (uint32_t i = 1; i <= dedupe->run_top; i++) {
        if (dedupe->runs[i].id != run_id)
            continue;
        dedupe->filter_count -= dedupe->runs[i].count;
        dedupe->runs[i] = (struct stk_dedupe_run){0, 0, 0};
    }
}

/* ---- the check ---- */

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

enum stk_status stk_dedupe_check(const struct stk_dedupe *dedupe, struct stk_error *err)
{
    uint64_t keys_on_disk = 0;
    stk_seq_t before = 0;
    uint32_t at = dedupe->head;
    for (uint32_t i = 0; i < dedupe->count; i++) {
        const struct stk_key_entry *entry = stk_fifo_at(&dedupe->entries, at);
        const struct stk_key_entry *found = stk_dedupe_find(dedupe, entry->key);
        if (!found || (found != entry && found->seq < entry->seq))
            return BROKEN("keys: that of sequence %llu is not found",
                          (unsigned long long)entry->seq);
        if (entry->seq <= before)
            return BROKEN("keys: sequence %llu follows %llu", (unsigned long long)entry->seq,
                          (unsigned long long)before);
        before = entry->seq;
        at = stk_fifo_after(&dedupe->entries, at, ENTRY_BYTES);
    }
    if (dedupe->count != dedupe->index.count || before > dedupe->last)
        return BROKEN("keys: %u are in memory, %u in the index", dedupe->count,
                      dedupe->index.count);
    for (uint32_t i = 1; i <= dedupe->run_top; i++)
        keys_on_disk += dedupe->runs[i].count;
    if (keys_on_disk != dedupe->filter_count)
        return BROKEN("keys: runs have %llu, the filter says %llu",
                      (unsigned long long)keys_on_disk, (unsigned long long)dedupe->filter_count);
    return STK_OK;
}
