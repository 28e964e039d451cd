/* Looks things up in S and J for the engine.
 *
 * Always true: every command that was parked comes back exactly once, with an answer or with what
 * was found, and what could not be read says so. Nothing is looked up while a read transaction of
 * an earlier look-up is open. The reader thread owns the inbox; the thread of a backup touches
 * nothing but its own job, and is waited for. */
#include "core/flow/reader.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/flow/reader_page.h"
#include "core/flow/rows.h"
#include "core/flow/verb.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DOC_BYTES    (STK_COMMAND_MAX - 4096)
#define FOLD_WAIT_MS 10000 /* for an archived order to reach S */
#define TARGET_MAX   1024

/* One backup, or one check of a backup, at a time. */
struct job {
    struct stk_thread thread;
    _Atomic int done;
    int running;
    struct stk_command command; /* whom to answer: submitter, ticket, verb */
    char target[TARGET_MAX];
    struct stk_backup_result result;
    enum stk_status status;
    struct stk_error err;
    struct stk_lookup *reader;
};

struct stk_lookup {
    struct stk_reader_options options;
    struct stk_inbox *inbox;
    struct stk_thread thread;
    _Atomic int stop;
    struct job job;
    uint8_t *value; /* STK_READER_VALUE_BYTES: a row */
    uint8_t *doc;   /* DOC_BYTES: an answer */
    struct stk_reader_page page;
};

/* --- back to the engine --- */

static void wait_a_moment(struct stk_lookup *reader)
{
    stk_park_wait(stk_engine_parked_bell(reader->options.engine), 1000000);
}

static struct stk_command *room_for(struct stk_lookup *reader, uint32_t size)
{
    struct stk_command *room;
    while (!(room = stk_inbox_reserve(reader->inbox, size)))
        wait_a_moment(reader); /* the engine is behind; it will take some */
    return room;
}

/* The command again, with head and tail attached. */
static void give_back(struct stk_lookup *reader, const struct stk_command *command,
                      enum stk_attach attach, const void *head, uint32_t head_size,
                      const void *tail, uint32_t tail_size)
{
    uint32_t at = (command->size + 7) & ~7u;
    struct stk_command *room;
    if ((uint64_t)at + head_size + tail_size > STK_COMMAND_MAX) {
        attach = STK_ATTACH_FAILED;
        head_size = tail_size = 0;
    }
    room = room_for(reader, at + head_size + tail_size);
    memcpy(room, command, command->size);
    memset((uint8_t *)room + command->size, 0, at - command->size);
    if (head_size)
        memcpy((uint8_t *)room + at, head, head_size);
    if (tail_size)
        memcpy((uint8_t *)room + at + head_size, tail, tail_size);
    room->attach = (uint8_t)attach;
    room->attached = (struct stk_ref){at, head_size + tail_size};
    room->size = at + head_size + tail_size;
    stk_inbox_commit(reader->inbox, room);
    stk_inbox_publish(reader->inbox);
}

/* An answer of the reader's own, relayed by the engine. The arguments are not needed any more. */
static void answer(struct stk_lookup *reader, const struct stk_command *command,
                   enum stk_status status, const struct stk_doc *doc)
{
    struct stk_answer head = {.ticket = command->ticket,
                              .status = (uint16_t)status,
                              .verb = command->verb,
                              .doc_size = doc->size};
    struct stk_command bare = *command;
    stk_assert(!doc->overflow);
    bare.size = sizeof bare;
    bare.source = bare.id = (struct stk_ref){0, 0};
    give_back(reader, &bare, STK_ATTACH_ANSWER, &head, sizeof head, doc->data, doc->size);
}

static void refuse(struct stk_lookup *reader, const struct stk_command *command,
                   enum stk_status status, const char *text)
{
    struct stk_doc doc = stk_doc(reader->doc, DOC_BYTES);
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "code", stk_status_name((int)status));
    stk_doc_key_text(&doc, "message", text);
    answer(reader, command, status, &doc);
}

/* --- look-ups --- */

/* The value of the KEY row of this key: STK_OK, STK_NOT_FOUND, or why it could not be read. */
static enum stk_status find_key(struct stk_lookup *reader, struct stk_hash key,
                                struct stk_key_answer *found, stk_seq_t *seq, uint32_t *size,
                                struct stk_error *err)
{
    enum stk_status status;
    *size = STK_READER_VALUE_BYTES;
    status = stk_rows_find_key(reader->options.rows, key, seq, reader->value, size, err);
    if (status != STK_OK)
        return status;
    return stk_row_read_key((struct stk_bytes){(const char *)reader->value, *size}, *seq, NULL,
                            found, err);
}

/* Wait until S holds what the engine knew when it parked the command; not for a fold that cannot
 * write: others want to read meanwhile. */
static int wait_for_fold(struct stk_lookup *reader, stk_seq_t seq)
{
    for (int i = 0; i < FOLD_WAIT_MS; i++) {
        if (stk_rows_folded(reader->options.rows) >= seq)
            return 1;
        if (stk_rows_stuck(reader->options.rows))
            return 0;
        if (reader->options.hurry)
            reader->options.hurry(reader->options.arg);
        wait_a_moment(reader);
    }
    return 0;
}

/* The archived order with this number. waits: the engine has named it, so it may be so new that S
 * does not have it yet. */
static void look_up_order(struct stk_lookup *reader, const struct stk_command *command,
                          uint64_t number, int waits)
{
    uint32_t size = STK_READER_VALUE_BYTES;
    uint8_t key[8];
    struct stk_error err;
    enum stk_status status;
    stk_put_be64(key, number);
    if (waits && !wait_for_fold(reader, command->parked_seq)) {
        stk_log_limited(STK_LOG_WARN, 10000, "reader: the state on disk lags");
        give_back(reader, command, STK_ATTACH_LATE, NULL, 0, NULL, 0);
        return;
    }
    status =
        stk_rows_get(reader->options.rows, STK_TABLE_ARCHIVE,
                     (struct stk_bytes){(const char *)key, sizeof key}, reader->value, &size, &err);
    if (status == STK_OK) {
        give_back(reader, command, STK_ATTACH_ORDER, &number, sizeof number, reader->value, size);
    } else if (status == STK_NOT_FOUND) { /* older than orders are kept */
        give_back(reader, command, STK_ATTACH_ABSENT, NULL, 0, NULL, 0);
    } else {
        stk_log(STK_LOG_ERROR, "reader: archived order: %s", err.text);
        give_back(reader, command, STK_ATTACH_FAILED, NULL, 0, NULL, 0);
    }
}

/* Its own key first: a repeat is answered as it was, whatever became of the order since. */
static void look_up(struct stk_lookup *reader, const struct stk_command *command)
{
    const struct stk_hash none = {0, 0};
    const struct stk_hash keys[] = {command->key, command->order_key};
    for (int i = 0; i < 2; i++) {
        struct stk_key_answer found;
        struct stk_error err;
        enum stk_status status;
        stk_seq_t seq;
        uint32_t size;
        if (keys[i].low == none.low && keys[i].high == none.high)
            continue;
        status = find_key(reader, keys[i], &found, &seq, &size, &err);
        if (status == STK_OK && found.class == 0 && i == 0) {
            give_back(reader, command, STK_ATTACH_KEY, &seq, sizeof seq, reader->value, size);
            return;
        }
        if (status == STK_OK && found.class == 1 && !command->order_number) {
            look_up_order(reader, command, found.number, 0);
            return;
        }
        if (status != STK_OK && status != STK_NOT_FOUND) {
            stk_log(STK_LOG_ERROR, "reader: key: %s", err.text);
            give_back(reader, command, STK_ATTACH_FAILED, NULL, 0, NULL, 0);
            return;
        }
    }
    if (command->order_number)
        look_up_order(reader, command, command->order_number, 1);
    else
        give_back(reader, command, STK_ATTACH_ABSENT, NULL, 0, NULL, 0);
}

/* --- pages --- */

static void page(struct stk_lookup *reader, const struct stk_command *command)
{
    struct stk_doc doc = stk_doc(reader->doc, DOC_BYTES);
    struct stk_error err;
    enum stk_status status =
        command->verb == STK_VERB_JOURNAL_READ
            ? stk_reader_page_journal(&reader->page, stk_command_args(command), &doc, &err)
            : stk_reader_page_archived(&reader->page, command, &doc, &err);
    if (status == STK_OK)
        answer(reader, command, STK_OK, &doc);
    else
        refuse(reader, command, status, err.text);
}

/* --- backups --- */

static void run_job(void *arg)
{
    struct job *job = arg;
    const struct stk_reader_options *options = &job->reader->options;
    if (job->command.verb == STK_VERB_BACKUP_START)
        job->status =
            stk_backup_make(options->journal, options->rows, job->target, &job->result, &job->err);
    else if (options->verify)
        job->status = options->verify(job->target, &job->result, &job->err);
    else
        job->status = stk_backup_verify(job->target, &job->result, &job->err);
    /* release: pairs with the acquire in end_job */
    atomic_store_explicit(&job->done, 1, memory_order_release);
    stk_park_wake(stk_engine_parked_bell(options->engine));
}

/* "name" goes below the folder of backups; a path with a slash is taken as it is, but leads nowhere
 * by "..". */
static enum stk_status target_of(struct stk_lookup *reader, const struct stk_command *command,
                                 char *target, struct stk_error *err)
{
    const struct stk_args_backup *args = stk_command_args(command);
    struct stk_bytes given = stk_command_bytes(command, args->target);
    int size;
    if (memmem(given.data, given.size, "..", 2))
        return stk_error_set(err, STK_INVALID, "params.target: must not hold \"..\"");
    if (memchr(given.data, '/', given.size) && given.data[0] != '/')
        return stk_error_set(err, STK_INVALID,
                             "params.target: must be a name, or a path from the root on");
    if (given.data[0] == '/')
        size = snprintf(target, TARGET_MAX, "%.*s", (int)given.size, given.data);
    else
        size = snprintf(target, TARGET_MAX, "%s/%.*s", reader->options.backup_folder,
                        (int)given.size, given.data);
    if (size >= TARGET_MAX)
        return stk_error_set(err, STK_TOO_LARGE, "params.target: the path is too long");
    if (given.data[0] != '/' && mkdir(reader->options.backup_folder, 0700) != 0 && errno != EEXIST)
        return stk_error_errno(err, errno, "%s", reader->options.backup_folder);
    return STK_OK;
}

static void begin_job(struct stk_lookup *reader, const struct stk_command *command)
{
    struct job *job = &reader->job;
    struct stk_error err;
    enum stk_status status;
    if (job->running) {
        refuse(reader, command, STK_BUSY, "another backup is being made or checked");
        return;
    }
    if (command->verb == STK_VERB_BACKUP_START && !reader->options.journal) {
        refuse(reader, command, STK_STATE, "there is no journal here to make a backup of");
        return;
    }
    status = target_of(reader, command, job->target, &err);
    if (status == STK_OK) {
        job->reader = reader;
        job->command = *command;
        job->result = (struct stk_backup_result){0};
        atomic_store_explicit(&job->done, 0, memory_order_relaxed);
        status = stk_thread_start(&job->thread, STK_ROLE_READER, "backup", run_job, job, &err);
    }
    if (status == STK_OK)
        job->running = 1;
    else
        refuse(reader, command, status, err.text);
}

/* Answer for a job that is done. Returns 1 when it was. */
static int end_job(struct stk_lookup *reader)
{
    struct job *job = &reader->job;
    struct stk_doc doc = stk_doc(reader->doc, DOC_BYTES);
    /* acquire: pairs with the release in run_job */
    if (!job->running || !atomic_load_explicit(&job->done, memory_order_acquire))
        return 0;
    stk_thread_join(&job->thread);
    job->running = 0;
    if (job->status != STK_OK) {
        stk_log(STK_LOG_WARN, "backup: %s failed: %s",
                job->command.verb == STK_VERB_BACKUP_START ? "making" : "checking", job->err.text);
        refuse(reader, &job->command, job->status, job->err.text);
        return 1;
    }
    stk_log(STK_LOG_INFO, "backup: %s target=%s folded=%llu last=%llu bytes=%llu",
            job->command.verb == STK_VERB_BACKUP_START ? "made" : "checked", job->target,
            (unsigned long long)job->result.folded, (unsigned long long)job->result.last,
            (unsigned long long)job->result.bytes);
    stk_doc_map(&doc, 4);
    stk_doc_key_text(&doc, "target", job->target);
    stk_doc_key_uint(&doc, "folded", job->result.folded);
    stk_doc_key_uint(&doc, "last", job->result.last);
    stk_doc_key_uint(&doc, "bytes", job->result.bytes);
    answer(reader, &job->command, STK_OK, &doc);
    return 1;
}

/* --- the thread --- */

static void handle(struct stk_lookup *reader, const struct stk_command *command)
{
    switch (command->verb) {
    case STK_VERB_JOURNAL_READ:
    case STK_VERB_ORDER_LIST:
        page(reader, command);
        break;
    case STK_VERB_BACKUP_START:
    case STK_VERB_BACKUP_VERIFY:
        begin_job(reader, command);
        break;
    default:
        look_up(reader, command);
    }
}

uint32_t stk_reader_step(struct stk_lookup *reader)
{
    struct stk_ring_spsc *parked = stk_engine_parked(reader->options.engine);
    const struct stk_command *command;
    uint32_t taken = (uint32_t)end_job(reader);
    uint32_t size;
    while ((command = stk_ring_spsc_next(parked, &size))) {
        stk_assert(command->size <= size);
        handle(reader, command);
        stk_ring_spsc_release(parked);
        taken++;
    }
    return taken;
}

static void run(void *arg)
{
    struct stk_lookup *reader = arg;
    struct stk_ring_spsc *parked = stk_engine_parked(reader->options.engine);
    struct stk_park *bell = stk_engine_parked_bell(reader->options.engine);
    for (;;) {
        /* acquire: pairs with the store in stk_reader_stop */
        int stop = atomic_load_explicit(&reader->stop, memory_order_acquire);
        if (stk_reader_step(reader))
            continue;
        if (stop && !reader->job.running)
            return;
        if (stk_ring_spsc_prepare_sleep(parked))
            stk_park_wait(bell, -1);
        stk_ring_spsc_cancel_sleep(parked);
    }
}

enum stk_status stk_reader_create(struct stk_lookup **out, const struct stk_reader_options *options,
                                  struct stk_error *err)
{
    struct stk_lookup *reader = stk_alloc(sizeof *reader);
    if (!reader)
        return stk_error_set(err, STK_NO_MEMORY, "reader: out of memory");
    reader->options = *options;
    reader->value = stk_alloc(STK_READER_VALUE_BYTES);
    reader->doc = stk_alloc(DOC_BYTES);
    reader->page = (struct stk_reader_page){
        .names = stk_engine_state(options->engine)->names,
        .log = options->log,
        .journal = options->journal,
        .rows = options->rows,
        .range = stk_rows_range,
        .value = reader->value,
        .values = stk_alloc(STK_READER_VALUES_MAX * sizeof *reader->page.values),
    };
    if (!reader->value || !reader->doc || !reader->page.values) {
        stk_reader_destroy(reader);
        return stk_error_set(err, STK_NO_MEMORY, "reader: out of memory");
    }
    reader->inbox = stk_engine_inbox_open(options->engine, NULL, NULL, err);
    if (!reader->inbox) {
        stk_reader_destroy(reader);
        return err ? err->status : STK_NO_MEMORY;
    }
    *out = reader;
    return STK_OK;
}

enum stk_status stk_reader_start(struct stk_lookup *reader, struct stk_error *err)
{
    return stk_thread_start(&reader->thread, STK_ROLE_READER, "reader", run, reader, err);
}

void stk_reader_stop(struct stk_lookup *reader)
{
    /* release: pairs with the acquire in run */
    atomic_store_explicit(&reader->stop, 1, memory_order_release);
    stk_park_wake(stk_engine_parked_bell(reader->options.engine));
    stk_thread_join(&reader->thread);
}

void stk_reader_destroy(struct stk_lookup *reader)
{
    if (!reader)
        return;
    stk_thread_join(&reader->job.thread);
    stk_free(reader->value);
    stk_free(reader->doc);
    stk_free(reader->page.values);
    stk_free(reader);
}
