/* R27: a backup that is taken under the feed is what the live engine was at its sequence, and with
 * the journal what it is now. BACKUP_CYCLES times (default 1):
 *
 *   1 while the feed runs a backup is asked for; the feed goes on after it
 *   2 the backup alone, and the backup before it with the journal up to the same sequence, have the
 *     same rows
 *   3 the backup with all of the journal has the rows of the live state
 *   4 the engine starts on that one in place of its own folder, and the usual check finds all that
 *     was acknowledged
 */
#include "core/store/backup.h"
#include "core/store/files.h"
#include "core/store/restore.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include "tests/lib/store_pair.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE_MS 500
#define AFTER_MS  700
#define ANSWER_MS 60000
#define SLICE_MS  20
#define ASKED     1u /* number of the one message */

static const char settings[] = "rpc:\n  listen: []\n"
                               "engine:\n  closed_keep: 2s\n  recovery_grace: 1s\n"
                               "journal:\n  segment_bytes: 32MiB\n  retain_bytes: 4GiB\n"
                               "  free_bytes_min: 64MiB\n"
                               "state:\n  map_bytes: 16MiB\n  fold_pause: 200ms\n"
                               "  run_keys: 20000\n  run_age: 5s\n";

static struct run run;
static char journal[PLACE_PATH];

static void folder_of(char out[PLACE_PATH], const char *kind, unsigned number)
{
    char name[32];
    snprintf(name, sizeof(name), "%s-%u", kind, number);
    place_join(out, run.daemon.folder, name);
}

/* ---- a backup under the feed ------------------------------------------------------------ */

static void ask(struct wire *wire, const char *target)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 1);
    wire_put_text(&packer, "target", target);
    wire_send(wire, ASKED, "backup.start", params.data, params.size);
    (void)wire_flush(wire);
    msgpack_sbuffer_destroy(&params);
}

/* The feed goes on until the answer is there: 0, and the backup's last sequence. */
static int await(struct wire *wire, int64_t *last)
{
    struct wire_answer answer;
    int64_t until_ms = clock_ms() + ANSWER_MS;
    uint64_t sent = run.feed.sent;
    char message[256];
    while (clock_ms() < until_ms) {
        if (feed_run(&run.feed, clock_ms() + SLICE_MS) || wire_fill(wire))
            break;
        if (wire_take(wire, &answer) <= 0)
            continue;
        *last = wire_get_int(answer.body, "last", 0);
        if (answer.ok && run.feed.sent > sent)
            return 0;
        wire_get_text(answer.body, "message", message, sizeof(message));
        model_fault(&run.feed.model, "backup: %s", answer.ok ? "nothing was fed" : message);
        return -1;
    }
    model_fault(&run.feed.model, "backup: no answer");
    return -1;
}

static int take(const char *target, int64_t *last)
{
    struct wire wire = {.fd = -1};
    int gone = run_feed(&run, BEFORE_MS);
    int result = -1;
    if (!gone && !wire_open(&wire, run.daemon.door)) {
        ask(&wire, target);
        result = await(&wire, last);
    }
    if (!result)
        result = feed_run(&run.feed, clock_ms() + AFTER_MS);
    if (result || feed_settle(&run.feed, 10000))
        model_fault(&run.feed.model, "the daemon hung up, or did not answer all");
    wire_close(&wire);
    feed_disconnect(&run.feed);
    return result;
}

/* ---- what lies where -------------------------------------------------------------------- */

/* All rows of a folder, what is not folded yet folded; *last: its last sequence. */
static uint64_t rows_of(const char *folder, stk_seq_t *last)
{
    struct store_pair pair;
    store_pair_open(&pair, folder);
    uint64_t hash = store_pair_hash(&pair);
    *last = stk_rows_folded(pair.rows);
    store_pair_close(&pair);
    return hash;
}

/* Restore and look. remove: it is not needed any more. */
static uint64_t restored(const char *backup, const char *more, int64_t to, const char *folder,
                         stk_seq_t *last)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    *last = 0;
    if (stk_restore(backup, more, (stk_seq_t)to, 0, folder, &result, &err) == STK_OK)
        return rows_of(folder, last);
    model_fault(&run.feed.model, "restore: %s", err.text);
    return 0;
}

static void compare(const char *what, uint64_t hash, stk_seq_t last, uint64_t with, stk_seq_t to)
{
    if (hash != with || last != to)
        model_fault(&run.feed.model,
                    "%s: rows %016llx at sequence %llu, they must be %016llx at %llu", what,
                    (unsigned long long)hash, (unsigned long long)last, (unsigned long long)with,
                    (unsigned long long)to);
}

static void verify(const char *backup)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    if (stk_backup_verify(backup, &result, &err) != STK_OK)
        model_fault(&run.feed.model, "%s", err.text);
}

/* The folder in place of the daemon's. */
static void put_in_place(const char *folder)
{
    struct stk_error err = {0};
    place_remove(run.daemon.data);
    if (stk_file_rename(folder, run.daemon.data, &err) != STK_OK)
        model_fault(&run.feed.model, "%s", err.text);
}

static void cycle(unsigned number)
{
    char before[PLACE_PATH], backup[PLACE_PATH], one[PLACE_PATH], label[64];
    int64_t at = 0;
    stk_seq_t last, to;
    folder_of(before, "backup", number - 1);
    folder_of(backup, "backup", number);
    folder_of(one, "restored", number);
    if (take(backup, &at)) {
        run.failed++;
        run.cases++;
        return;
    }
    if (daemon_stop(&run.daemon, 60000))
        model_fault(&run.feed.model, "the daemon did not stop in order");
    verify(backup);
    uint64_t alone = restored(backup, NULL, 0, one, &last);
    if (last != (stk_seq_t)at)
        model_fault(&run.feed.model, "the backup reaches to %llu and not to %lld",
                    (unsigned long long)last, (long long)at);
    place_remove(one);
    uint64_t other = restored(before, journal, at, one, &to);
    compare("the backup before, with the journal so far", other, to, alone, last);
    place_remove(one);
    uint64_t live = rows_of(run.daemon.data, &to);
    uint64_t whole = restored(backup, journal, 0, one, &last);
    compare("the backup with the journal", whole, last, live, to);
    if (live == alone || to <= (stk_seq_t)at)
        model_fault(&run.feed.model, "nothing was done after the backup");
    printf("backup at %lld, before it and after it to %llu: the same rows: %s\n", (long long)at,
           (unsigned long long)to, run.feed.model.faults == run.faults ? "yes" : "NO");
    put_in_place(one);
    place_remove(before);
    snprintf(label, sizeof(label), "on what was restored, %u", number);
    run_check(&run, label);
}

int main(void)
{
    unsigned cycles = (unsigned)place_number("BACKUP_CYCLES", 1);
    char first[PLACE_PATH];
    int64_t at;
    if (run_begin(&run, "backup", settings, 0))
        return run_end(&run);
    place_join(journal, run.daemon.data, STK_DATA_JOURNAL);
    folder_of(first, "backup", 0);
    run.cases++;
    if (take(first, &at)) {
        run.failed++;
        return run_end(&run);
    }
    for (unsigned i = 1; i <= cycles && run.daemon.pid; i++)
        cycle(i);
    if (run.daemon.pid)
        run_whole(&run);
    return run_end(&run);
}
