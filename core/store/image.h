/* S as it lies on the disk, for rows, runs and fold, which share it: one LMDB file.
 *
 *   meta           "head": format, id of the journal, sequence folded so far and the chain hash
 *                  there, where the runs end, for each table how many rows and their digest
 *   <table>        one for each of STK_TABLE_LIST: key -> value, trailer
 *   runs           u32 id -> a run (runs.h)
 *   run_tables     u16 number -> what the run table of that number holds
 *   run000 ...     16 bytes of key -> u64 sequence, value of its KEY row, trailer
 *
 * The trailer is 4 bytes of checksum over table, key and value; in ARCHIVE 4 bytes before it say
 * when the row was written, in minutes since 1970. The digest of a table is the sum modulo 2^128 of
 * the hashes of its rows: rows that come and go are added and taken off one by one. */
#ifndef STK_STORE_IMAGE_H
#define STK_STORE_IMAGE_H

#include "core/base/chain.h"
#include "core/base/hash.h"
#include "core/store/files.h"
#include "core/store/kv.h"
#include "core/store/record.h"
#include "core/store/runs.h"
#include "core/store/segment.h"
#include <pthread.h>
#include <stdatomic.h>

#define STK_IMAGE_FILE "state.mdb"

/* Tables of the file. STK_TABLE_* are themselves. */
#define STK_IMAGE_META       0
#define STK_IMAGE_RUNS       STK_TABLE_COUNT
#define STK_IMAGE_RUN_TABLES (STK_TABLE_COUNT + 1)
#define STK_IMAGE_RUN        (STK_TABLE_COUNT + 2) /* the first of STK_RUN_TABLES */
#define STK_IMAGE_TABLES     (STK_IMAGE_RUN + STK_RUN_TABLES)

#define STK_TRAILER         4
#define STK_TRAILER_ARCHIVE 8

struct stk_digest {
    uint64_t count;
    struct stk_hash sum;
};

struct stk_image_head {
    uint8_t id[STK_JOURNAL_ID_BYTES]; /* of the journal; zeros until the first fold */
    stk_seq_t folded;
    uint8_t chain[STK_CHAIN_BYTES]; /* at folded */
    stk_time_t time_ms;             /* of the last batch folded */
    stk_seq_t runs_to;              /* KEY rows up to here are in runs, if they are still in KEY */
    uint32_t next_run;
    stk_seq_t dropped_to[STK_RUN_CLASSES]; /* keys of a class up to here are forgotten */
    struct stk_digest digest[STK_TABLE_COUNT];
};

/* One run table in use. It may hold several runs after they were merged. */
struct stk_run_table {
    uint16_t number;
    uint8_t class;
    stk_seq_t first, last;
    struct stk_digest digest;
};

struct stk_rows {
    struct stk_kv *kv;
    struct stk_path folder;
    int read_only;
    /* fold thread writes and reads; others read `folded` and `stuck` alone, or the head in their
     * own transaction */
    struct stk_image_head head;
    _Atomic stk_seq_t folded;
    _Atomic int stuck;
    /* What runs there are. The fold thread changes it with the lock held, commit included, so that
     * a look-up that began under the lock sees tables and list of the same moment. */
    pthread_rwlock_t runs_lock;
    stk_seq_t dropped_to[STK_RUN_CLASSES]; /* as in the head */
    struct stk_run *runs;                  /* by class, then by sequence */
    uint32_t runs_count, runs_capacity;
    struct stk_run_table tables[STK_RUN_TABLES]; /* newest first */
    uint32_t tables_count;
};

/* Hash of a row, without its checksum. table: STK_TABLE_*, or STK_IMAGE_RUN for all run tables. */
struct stk_hash stk_image_hash(uint32_t table, struct stk_kv_bytes key, const void *value,
                               size_t size);
void stk_digest_add(struct stk_digest *digest, struct stk_hash hash);
void stk_digest_take(struct stk_digest *digest, struct stk_hash hash);
static inline uint32_t stk_image_trailer(uint32_t table)
{
    return table == STK_TABLE_ARCHIVE ? STK_TRAILER_ARCHIVE : STK_TRAILER;
}
/* value has room for size + STK_TRAILER: put the checksum behind it. Returns the row's hash. */
struct stk_hash stk_image_seal(uint32_t table, struct stk_kv_bytes key, uint8_t *value,
                               size_t size);
/* A row as it was found: its value without the trailer, and its hash. STK_CORRUPT. */
enum stk_status stk_image_check(uint32_t table, struct stk_kv_bytes key, struct stk_kv_bytes found,
                                struct stk_bytes *value, struct stk_hash *hash,
                                struct stk_error *err);
/* Minutes in the trailer of a row of ARCHIVE that was checked. */
uint32_t stk_image_minutes(struct stk_kv_bytes found);

/* A file that has no head yet gives a head of zeros. STK_CORRUPT, STK_VERSION. */
enum stk_status stk_image_get_head(struct stk_kv_txn *txn, struct stk_image_head *head,
                                   struct stk_error *err);
void stk_image_put_head(struct stk_kv_txn *txn, const struct stk_image_head *head);

/* The file in the folder; made when it is missing, unless read-only. */
enum stk_status stk_image_open(struct stk_rows *rows, uint64_t map_bytes, int read_only, int alone,
                               struct stk_error *err);
/* 1 when the map should be larger before more is written. */
int stk_image_nearly_full(const struct stk_rows *rows);
enum stk_status stk_image_grow(struct stk_rows *rows, struct stk_error *err);

#endif
