/* R14: one flipped bit. FLIP_IMAGES times (default 50), in turns in a batch of the journal and
 * anywhere in the state's file, of a folder that a feed has left: the journal's check finds each;
 * the state's finds each that changes a row. One that the state has not used, or that lets it fall
 * back to its commit before, changes nothing that the journal does not bring again. Checks run in a
 * child, as damaged pages may end the reader. At last a damaged state is refused by the daemon,
 * made again from the journal, and the usual check finds all that was acknowledged. */
#include "core/base/hash.h"
#include "core/store/journal.h"
#include "core/store/restore.h"
#include "core/store/rows.h"
#include "core/store/runs.h"
#include "core/store/walk.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FEED_MS   3000
#define CHECK_S   60
#define BATCH_MIN 4096 /* smaller ones lie on pages that LMDB copies: old copies are no damage */
#define BATCHES   65536
#define HEADER    96
#define MAGIC     "STKJ"

static const char settings[] = "rpc:\n  listen: []\n"
                               "engine:\n  closed_keep: 1s\n  recovery_grace: 1s\n"
                               "journal:\n  segment_bytes: 32MiB\n  retain_bytes: 4GiB\n"
                               "  free_bytes_min: 64MiB\n"
                               "state:\n  map_bytes: 16MiB\n  fold_pause: 200ms\n"
                               "  run_keys: 20000\n  run_age: 2s\n";

static struct run run;
static char journal[PLACE_PATH], state[PLACE_PATH], state_file[PLACE_PATH];

struct spot {
    char file[PLACE_PATH];
    uint64_t at, size; /* bits are flipped between */
};
static struct spot *batches;
static unsigned batch_count;

/* ---- what is looked at ------------------------------------------------------------------- */

struct seen {
    int sound;
    uint64_t hash, folded;
    char why[256];
};

static void look_at_journal(struct seen *seen)
{
    struct stk_journal_report report;
    struct stk_error err = {0};
    seen->sound = stk_journal_verify(journal, &report, &err) == STK_OK;
    snprintf(seen->why, sizeof(seen->why), "%.250s", err.text);
}

static enum stk_status add_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                               struct stk_error *err)
{
    uint64_t *hash = arg;
    (void)err;
    *hash = stk_hash64(key.data, key.size, *hash);
    *hash = stk_hash64(value.data, value.size, *hash);
    return STK_OK;
}

static enum stk_status add_key(void *arg, const struct stk_run *one, struct stk_hash key)
{
    (void)one;
    *(uint64_t *)arg += stk_hash64(&key, sizeof(key), 1);
    return STK_OK;
}

static void look_at_state(struct seen *seen)
{
    struct stk_rows *rows = NULL;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = state, .read_only = 1, .alone = 1};
    uint64_t keys = 0;
    enum stk_status status = stk_rows_open(&rows, &options, &err);
    if (status == STK_OK)
        status = stk_rows_check(rows, &err);
    for (unsigned table = 1; table < STK_TABLE_COUNT && status == STK_OK; table++)
        status = stk_rows_each(rows, table, add_row, &seen->hash, &err);
    if (status == STK_OK)
        status = stk_rows_each_run_key(rows, add_key, &keys, &err);
    seen->hash += keys;
    seen->folded = rows ? stk_rows_folded(rows) : 0;
    seen->sound = status == STK_OK;
    snprintf(seen->why, sizeof(seen->why), "%.250s", err.text);
    if (rows)
        stk_rows_close(rows);
}

/* In a child: what it saw; one that dies has found it. */
static struct seen in_child(void (*look)(struct seen *seen))
{
    struct seen *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct seen seen = {0};
    int how = 0;
    if (shared == MAP_FAILED)
        abort();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(nowhere, 2); /* LMDB's last words */
        alarm(CHECK_S);
        look(&seen);
        *shared = seen;
        _exit(0);
    }
    waitpid(child, &how, 0);
    seen = *shared;
    munmap(shared, sizeof(*shared));
    if (WIFSIGNALED(how)) {
        seen.sound = 0;
        snprintf(seen.why, sizeof(seen.why), "reading it ended by signal %d", WTERMSIG(how));
        if (WTERMSIG(how) == SIGALRM)
            model_fault(&run.feed.model, "the check of a damaged file does not end");
    }
    return seen;
}

/* ---- where there is something to flip ---------------------------------------------------- */

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void find_batches(const char *file)
{
    struct stat status;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status))
        abort();
    size_t size = (size_t)status.st_size;
    const uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        abort();
    for (size_t at = 0; at + HEADER < size && batch_count < BATCHES; at += 8) {
        if (memcmp(bytes + at, MAGIC, 4))
            continue;
        uint32_t length = be32(bytes + at + 20);
        if (length < BATCH_MIN || at + length > size)
            continue;
        struct spot *spot = &batches[batch_count++];
        snprintf(spot->file, sizeof(spot->file), "%s", file);
        spot->at = at;
        spot->size = length;
    }
    munmap((void *)(uintptr_t)bytes, size);
}

static void find_all(void)
{
    char pattern[PLACE_PATH + 8];
    glob_t found;
    batches = calloc(BATCHES, sizeof(*batches));
    snprintf(pattern, sizeof(pattern), "%s/0*.seg", journal);
    if (!batches || glob(pattern, 0, NULL, &found))
        abort();
    for (size_t i = 0; i < found.gl_pathc; i++)
        find_batches(found.gl_pathv[i]);
    globfree(&found);
}

static void flip(const char *file, uint64_t bit)
{
    uint8_t byte;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0 || pread(fd, &byte, 1, (off_t)(bit / 8)) != 1)
        abort();
    byte ^= (uint8_t)(1u << bit % 8);
    if (pwrite(fd, &byte, 1, (off_t)(bit / 8)) != 1)
        abort();
    close(fd);
}

/* ---- cases ------------------------------------------------------------------------------- */

static void flip_journal(unsigned images)
{
    unsigned found = 0;
    for (unsigned i = 0; i < images; i++) {
        const struct spot *spot = &batches[random_below(&run.feed.random, batch_count)];
        uint64_t bit = spot->at * 8 + random_below(&run.feed.random, spot->size * 8);
        flip(spot->file, bit);
        found += !in_child(look_at_journal).sound;
        flip(spot->file, bit);
    }
    run.cases++;
    run.failed += found != images;
    printf("journal: %u bits flipped in %u batches, %u found\n", images, batch_count, found);
}

static void flip_state(unsigned images, const struct seen *whole)
{
    unsigned found = 0, unused = 0, older = 0, missed = 0;
    uint64_t bits = place_bytes_of(state_file) * 8;
    for (unsigned i = 0; i < images; i++) {
        uint64_t bit = random_below(&run.feed.random, bits);
        flip(state_file, bit);
        struct seen seen = in_child(look_at_state);
        flip(state_file, bit);
        if (!seen.sound)
            found++;
        else if (seen.hash == whole->hash && seen.folded == whole->folded)
            unused++;
        else if (seen.folded < whole->folded)
            older++;
        else
            missed++;
    }
    run.cases++;
    run.failed += missed != 0 || found == 0;
    printf("state: %u bits flipped, %u found, %u where nothing lies, %u show the commit before, %u "
           "not found\n",
           images, found, unused, older, missed);
}

/* A state that is damaged where a start reads is refused; then it is made again. */
static void refuse_and_rebuild(const struct seen *whole)
{
    struct stk_error err = {0};
    unsigned refused = 0, tried = 0;
    int status;
    run.cases++;
    run.faults = run.feed.model.faults;
    for (uint64_t bits = place_bytes_of(state_file) * 8; !refused && tried < 200; tried++) {
        uint64_t bit = random_below(&run.feed.random, bits);
        flip(state_file, bit);
        if (in_child(look_at_state).sound || !daemon_start(&run.daemon, RUN_START_MS, &status)) {
            daemon_kill(&run.daemon); /* the archive and older keys are read when asked for */
            flip(state_file, bit);
            continue;
        }
        refused += WIFEXITED(status) && WEXITSTATUS(status) != 0;
        if (!refused)
            flip(state_file, bit);
    }
    if (!refused)
        model_fault(&run.feed.model, "no damaged state was refused");
    if (stk_state_rebuild(run.daemon.data, &err) != STK_OK)
        model_fault(&run.feed.model, "rebuild: %s", err.text);
    struct seen again = in_child(look_at_state);
    if (!again.sound || again.folded < whole->folded)
        model_fault(&run.feed.model, "the state that was made again: %s", again.why);
    printf("a damaged state was refused, and made again to sequence %llu\n",
           (unsigned long long)again.folded);
    run.failed += run.feed.model.faults != run.faults;
}

int main(void)
{
    unsigned images = (unsigned)place_number("FLIP_IMAGES", 50);
    if (run_begin(&run, "flip", settings, 0))
        return run_end(&run);
    place_join(journal, run.daemon.data, STK_DATA_JOURNAL);
    place_join(state, run.daemon.data, STK_DATA_STATE);
    place_join(state_file, state, "state.mdb");
    if (run_feed(&run, FEED_MS) || feed_settle(&run.feed, 30000))
        model_fault(&run.feed.model, "the daemon went away");
    feed_disconnect(&run.feed);
    if (daemon_stop(&run.daemon, 60000))
        model_fault(&run.feed.model, "the daemon did not stop in order");
    find_all();
    struct seen whole = in_child(look_at_state);
    if (!in_child(look_at_journal).sound || !whole.sound || !batch_count)
        model_fault(&run.feed.model, "what was left is not sound: %s", whole.why);
    flip_journal(images / 2);
    flip_state(images - images / 2, &whole);
    refuse_and_rebuild(&whole);
    run.fed_ms = 0;
    run_check(&run, "on the state that was made again");
    if (run.daemon.pid)
        run_whole(&run);
    free(batches);
    return run_end(&run);
}
