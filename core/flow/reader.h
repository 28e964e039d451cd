/* The reader thread: what the engine cannot answer from memory.
 *
 * The engine parks a command whose key or order may lie on disk; the reader looks it up in S and
 * submits the command again with what it found. The verbs of kind READER (journal.read, backups)
 * and lists of archived orders it answers itself; a backup runs in a thread of its own, so that
 * look-ups do not wait for it.
 *
 * Threads: create, start, stop, destroy: main (create before the engine runs). Stability: internal.
 * The type is not called stk_reader: that one reads bytes (codec.h). */
#ifndef STK_FLOW_READER_H
#define STK_FLOW_READER_H

#include "core/flow/engine.h"
#include "core/store/backup.h"

struct stk_reader_options {
    struct stk_engine *engine;
    struct stk_rows *rows;
    struct stk_log log;
    struct stk_journal *journal; /* backups; NULL: none can be made */
    const char *backup_folder;   /* where a target without a slash goes */
    /* Checks a backup; NULL: stk_backup_verify. A damaged page can crash who reads it, so the
     * daemon gives one that works in a child process. */
    enum stk_status (*verify)(const char *target, struct stk_backup_result *result,
                              struct stk_error *err);
    /* An archived order that S does not have yet is waited for: tells the fold to hurry. */
    void (*hurry)(void *arg);
    void *arg;
};

struct stk_lookup; /* the reader and what it needs */
enum stk_status stk_reader_create(struct stk_lookup **out, const struct stk_reader_options *options,
                                  struct stk_error *err);
enum stk_status stk_reader_start(struct stk_lookup *reader, struct stk_error *err);
/* After what is parked is answered; a backup that runs is waited for. */
void stk_reader_stop(struct stk_lookup *reader);
void stk_reader_destroy(struct stk_lookup *reader); /* NULL-safe */
/* What is parked now, on the calling thread (the simulator, tests). Returns the commands taken. */
uint32_t stk_reader_step(struct stk_lookup *reader);

#endif
