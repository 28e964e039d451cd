/* The manifest of a backup: a text file that names what is in it and seals it.
 *
 *   stockade-backup 1
 *   id <32 hex digits>
 *   folded F
 *   first N              first sequence of the journal in it, 0 = none
 *   last L
 *   time_ms T            of the last batch
 *   chain <64 hex digits>  at L
 *   file <SHA-256> <bytes> <name>     one a file
 *   check <16 hex digits>             XXH3 over the lines before */
#ifndef STK_STORE_MANIFEST_H
#define STK_STORE_MANIFEST_H

#include "core/store/files.h"
#include "core/store/segment.h"

#define STK_MANIFEST_FILE  "manifest"
#define STK_MANIFEST_FILES 4096 /* segments of a backup: 4 TiB */
#define STK_MANIFEST_NAME  64

struct stk_manifest_file {
    char name[STK_MANIFEST_NAME]; /* from the backup's folder: "state.mdb", "journal/..." */
    uint64_t bytes;
    uint8_t hash[STK_CHAIN_BYTES];
};
struct stk_manifest {
    uint8_t id[STK_JOURNAL_ID_BYTES];
    stk_seq_t folded, first, last;
    stk_time_t time_ms;
    uint8_t chain[STK_CHAIN_BYTES];
    struct stk_manifest_file *files; /* stk_free */
    uint32_t files_count;
};
/* Hash a file of the backup and add it. */
enum stk_status stk_manifest_add(struct stk_manifest *manifest, const char *backup,
                                 const char *name, struct stk_error *err);
enum stk_status stk_manifest_write(const struct stk_manifest *manifest, const char *backup,
                                   struct stk_error *err);
/* STK_NOT_FOUND, STK_CORRUPT, STK_VERSION. */
enum stk_status stk_manifest_read(struct stk_manifest *manifest, const char *backup,
                                  struct stk_error *err);
/* The file is there, as long as it was, with the hash it had. copy_to (which must not exist) gets
 * its bytes, or NULL. */
enum stk_status stk_manifest_check_file(const struct stk_manifest_file *file, const char *backup,
                                        const char *copy_to, struct stk_error *err);
uint64_t stk_manifest_bytes(const struct stk_manifest *manifest);
void stk_manifest_fini(struct stk_manifest *manifest);

#endif
