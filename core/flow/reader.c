/* Looks things up in S and J for the engine.
 *
 * Always true: every command that was parked comes back exactly once, with an answer or with what
 * was found, and what could not be read says so. Nothing is looked up while a read transaction of
 * an earlier look-up is open. The reader thread owns the inbox; the thread of a backup touches
 * nothing but its own job, and is waited for. */
#include "core/flow/reader.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/flow/order_row.h"
#include "core/flow/describe.h"
#include "core/flow/rows.h"
#include "core/flow/verb.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VALUE_BYTES  STK_RECORD_MAX
#define DOC_BYTES    (STK_COMMAND_MAX - 4096)
#define PAGE_BYTES   (1024 * 1024) /* of effects in one answer, then it ends */
#define VALUES_MAX   65536
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
    uint8_t *value;           /* VALUE_BYTES: a row */
    uint8_t *doc;             /* DOC_BYTES: an answer */
    struct stk_value *values; /* VALUES_MAX: a row that was described, parsed */
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
                                struct stk_key_answer *found, uint32_t *size, struct stk_error *err)
{
    enum stk_status status;
    *size = VALUE_BYTES;
    status = stk_rows_find_key(reader->options.rows, key, reader->value, size, err);
    if (status != STK_OK)
        return status;
    return stk_row_read_key((struct stk_bytes){(const char *)reader->value, *size}, found, err);
}

/* Wait until S holds what the engine knew when it parked the command. */
static int wait_for_fold(struct stk_lookup *reader, stk_seq_t seq)
{
    for (int i = 0; i < FOLD_WAIT_MS; i++) {
        if (stk_rows_folded(reader->options.rows) >= seq)
            return 1;
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
    uint32_t size = VALUE_BYTES;
    uint8_t key[8];
    struct stk_error err;
    enum stk_status status;
    stk_put_be64(key, number);
    if (waits && !wait_for_fold(reader, command->parked_seq)) {
        stk_log(STK_LOG_ERROR, "reader: the state on disk lags by more than %d s",
                FOLD_WAIT_MS / 1000);
        give_back(reader, command, STK_ATTACH_FAILED, NULL, 0, NULL, 0);
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
        uint32_t size;
        if (keys[i].low == none.low && keys[i].high == none.high)
            continue;
        status = find_key(reader, keys[i], &found, &size, &err);
        if (status == STK_OK && found.class == 0 && i == 0) {
            give_back(reader, command, STK_ATTACH_KEY, reader->value, size, NULL, 0);
            return;
        }
        if (status == STK_OK && found.class == 1) {
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

/* --- journal.read --- */

struct page {
    struct stk_lookup *reader;
    struct stk_doc doc;
    uint64_t from, last;
    uint32_t limit, count;
};

static void write_hex(struct stk_doc *doc, const char *key, struct stk_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * STK_TEXT_MAX];
    uint32_t size = bytes.size < STK_TEXT_MAX ? bytes.size : STK_TEXT_MAX;
    for (uint32_t i = 0; i < size; i++) {
        text[2 * i] = digits[(uint8_t)bytes.data[i] >> 4];
        text[2 * i + 1] = digits[(uint8_t)bytes.data[i] & 15];
    }
    stk_doc_key_str(doc, key, (struct stk_bytes){text, 2 * size});
}

static const struct stk_names *names_of(const struct stk_lookup *reader)
{
    return stk_engine_state(reader->options.engine)->names;
}

/* A row that is not understood is shown as bytes: the journal can be read whatever is in it. */
static void write_row(struct page *page, const struct stk_row_view *row)
{
    struct stk_doc *doc = &page->doc;
    const char *table = stk_table_name(row->table);
    struct stk_error err;
    stk_doc_map(doc, 3);
    stk_doc_key_text(doc, "table", table ? table : "?");
    write_hex(doc, "key", row->key);
    stk_doc_text(doc, "value");
    if (!row->value.data) {
        stk_doc_nil(doc); /* deleted */
    } else {
        uint32_t before = doc->size;
        if (stk_row_describe(names_of(page->reader), row->table, row->key, row->value, doc, &err) !=
            STK_OK) {
            doc->size = before;
            stk_doc_map(doc, 1);
            write_hex(doc, "bytes", row->value);
        }
    }
}

static void write_who(struct page *page, uint32_t who)
{
    struct stk_bytes name = {NULL, 0};
    if (who <= UINT16_MAX)
        name = stk_names_text(names_of(page->reader), STK_NAME_PRINCIPAL, (uint16_t)who);
    if (name.size)
        stk_doc_key_str(&page->doc, "who", name);
    else
        stk_doc_key_uint(&page->doc, "who", who);
}

static enum stk_status write_effect(struct page *page, stk_seq_t seq, struct stk_bytes bytes,
                                    stk_time_t batch_ms, struct stk_error *err)
{
    struct stk_doc *doc = &page->doc;
    struct stk_record_view record;
    struct stk_row_view row;
    const struct stk_verb *verb;
    uint32_t mark, rows = 0;
    enum stk_status status = stk_record_open(bytes, batch_ms, &record, err);
    if (status != STK_OK)
        return status;
    verb = stk_verb_by_number(record.verb);
    stk_doc_map(doc, 5);
    stk_doc_key_uint(doc, "seq", seq);
    stk_doc_key_int(doc, "time", record.time_ms);
    stk_doc_key_text(doc, "verb", verb ? verb->name : "engine");
    write_who(page, record.who);
    stk_doc_text(doc, "rows");
    mark = stk_doc_array_open(doc);
    for (; stk_record_next(&record, &row); rows++)
        write_row(page, &row);
    stk_doc_array_close(doc, mark, rows);
    return record.rows.bad ? stk_error_set(err, STK_CORRUPT, "journal: effect %llu is damaged",
                                           (unsigned long long)seq)
                           : STK_OK;
}

static int page_full(const struct page *page)
{
    return page->count == page->limit || page->doc.size > PAGE_BYTES;
}

static enum stk_status on_batch(void *arg, const struct stk_batch_view *batch,
                                struct stk_error *err)
{
    struct page *page = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes bytes;
    for (stk_seq_t seq = view.first; stk_batch_next(&view, &bytes); seq++) {
        uint32_t before = page->doc.size;
        enum stk_status status;
        if (seq < page->from)
            continue;
        if (page_full(page))
            return STK_AGAIN; /* enough */
        status = write_effect(page, seq, bytes, view.time_ms, err);
        if (status != STK_OK)
            return status;
        if (page->doc.overflow) { /* an effect of its own size: the next page begins with it */
            page->doc.overflow = 0;
            page->doc.size = before;
            if (page->count)
                return STK_AGAIN;
            return stk_error_set(err, STK_TOO_LARGE,
                                 "journal: effect %llu is larger than an answer",
                                 (unsigned long long)seq);
        }
        page->count++;
        page->last = seq;
    }
    return view.records.bad
               ? stk_error_set(err, STK_CORRUPT, "journal: the batch at %llu is damaged",
                               (unsigned long long)batch->first)
               : STK_OK;
}

static void journal_read(struct stk_lookup *reader, const struct stk_command *command)
{
    const struct stk_args_journal_read *args = stk_command_args(command);
    const struct stk_log *log = &reader->options.log;
    struct page page = {.reader = reader, .from = args->from, .limit = args->limit};
    stk_seq_t first = 0, last = 0;
    struct stk_error err;
    enum stk_status status;
    uint32_t mark;
    if (reader->options.journal)
        stk_journal_range(reader->options.journal, &first, &last);
    if (page.from < first)
        page.from = first; /* cut: begin with what there is */
    page.last = page.from - 1;
    /* the end of the answer always fits */
    page.doc = stk_doc(reader->doc, DOC_BYTES - 256);
    stk_doc_map(&page.doc, 3);
    stk_doc_text(&page.doc, "effects");
    mark = stk_doc_array_open(&page.doc);
    status = page.from > log->durable(log->self)
                 ? STK_OK
                 : log->read(log->self, page.from, on_batch, &page, &err);
    if (status != STK_OK && status != STK_AGAIN) {
        refuse(reader, command, status, err.text);
        return;
    }
    stk_doc_array_close(&page.doc, mark, page.count);
    page.doc.capacity = DOC_BYTES;
    stk_doc_key_uint(&page.doc, "next", page.last + 1);
    stk_doc_key_uint(&page.doc, "last", log->durable(log->self));
    answer(reader, command, STK_OK, &page.doc);
}

/* --- order.list of archived orders --- */

struct archive {
    struct stk_lookup *reader;
    struct stk_doc doc;
    uint8_t state;
    uint32_t limit, count;
    uint64_t last; /* number of the last one looked at */
};

static const char *const archived_fields[] = {"order_number", "id", "source", "state", "placed_at"};
#define ARCHIVED_FIELDS (sizeof archived_fields / sizeof *archived_fields)

static void copy_field(struct stk_doc *doc, const char *key, const struct stk_value *value)
{
    if (value && value->type == STK_VALUE_INT)
        stk_doc_key_int(doc, key, value->as.integer);
    else if (value && value->type == STK_VALUE_STR)
        stk_doc_key_str(doc, key, stk_value_bytes(value));
    else
        stk_doc_text(doc, key), stk_doc_nil(doc);
}

static int is_state(const struct stk_value *order, unsigned state)
{
    const struct stk_value *name = stk_value_get(order, "state");
    const char *wanted = stk_order_state_name(state);
    return state == 0 || (name && name->type == STK_VALUE_STR && name->size == strlen(wanted) &&
                          memcmp(name->as.text, wanted, name->size) == 0);
}

static enum stk_status on_archived(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    struct archive *archive = arg;
    struct stk_lookup *reader = archive->reader;
    struct stk_doc whole = stk_doc(reader->value, VALUE_BYTES);
    struct stk_reader in = stk_reader(key.data, key.size);
    struct stk_parse parse;
    uint64_t number = stk_get_be64(&in);
    enum stk_status status;
    if (archive->count == archive->limit)
        return STK_AGAIN; /* there is a next page */
    status = stk_row_describe_order(names_of(reader), number, value, &whole, err);
    if (status == STK_OK && whole.overflow)
        status = stk_error_set(err, STK_TOO_LARGE, "order %llu is larger than an answer",
                               (unsigned long long)number);
    if (status == STK_OK)
        status = stk_doc_parse(whole.data, whole.size, VALUE_BYTES, STK_DEPTH_MAX, reader->values,
                               VALUES_MAX, &parse);
    if (status != STK_OK)
        return status;
    archive->last = number;
    if (!is_state(parse.root, archive->state))
        return STK_OK;
    stk_doc_map(&archive->doc, ARCHIVED_FIELDS);
    for (unsigned i = 0; i < ARCHIVED_FIELDS; i++)
        copy_field(&archive->doc, archived_fields[i],
                   stk_value_get(parse.root, archived_fields[i]));
    archive->count++;
    return STK_OK;
}

/* A decimal number; 0 when it is none, or nothing. */
static uint64_t number_of(struct stk_bytes text)
{
    uint64_t number = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > UINT64_MAX / 10 - 1)
            return 0;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return number;
}

/* What is archived is kept by number, not by channel. Rows are looked at in one go of at most
 * STK_PAGE_MAX, so that the read transaction stays short; a page may thus hold fewer than asked. */
static void list_archived(struct stk_lookup *reader, const struct stk_command *command)
{
    const struct stk_args_page *args = stk_command_args(command);
    struct stk_bytes cursor = stk_command_bytes(command, args->cursor);
    struct archive archive = {.reader = reader, .state = args->state, .limit = args->limit};
    struct stk_error err;
    enum stk_status status;
    uint8_t key[8];
    char text[24];
    uint32_t mark, looked_at = STK_PAGE_MAX + 1;
    if (STK_GIVEN(args, PAGE_CHANNEL)) {
        refuse(reader, command, STK_INVALID,
               "params.channel: archived orders are not kept by channel");
        return;
    }
    if (cursor.size && !number_of(cursor)) {
        refuse(reader, command, STK_INVALID, "params.cursor: is none of this list");
        return;
    }
    stk_put_be64(key, number_of(cursor) + 1);
    archive.doc = stk_doc(reader->doc, DOC_BYTES);
    stk_doc_map(&archive.doc, 2);
    stk_doc_text(&archive.doc, "orders");
    mark = stk_doc_array_open(&archive.doc);
    status = stk_rows_range(reader->options.rows, STK_TABLE_ARCHIVE,
                            (struct stk_bytes){(const char *)key, sizeof key}, looked_at,
                            on_archived, &archive, &err);
    if (status != STK_OK && status != STK_AGAIN) {
        refuse(reader, command, status, err.text);
        return;
    }
    stk_doc_array_close(&archive.doc, mark, archive.count);
    stk_doc_text(&archive.doc, "next");
    snprintf(text, sizeof text, "%llu", (unsigned long long)archive.last);
    if (status == STK_AGAIN)
        stk_doc_text(&archive.doc, text);
    else
        stk_doc_nil(&archive.doc);
    answer(reader, command, STK_OK, &archive.doc);
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
        job->status = options->verify(options->arg, job->target, &job->result, &job->err);
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
        journal_read(reader, command);
        break;
    case STK_VERB_BACKUP_START:
    case STK_VERB_BACKUP_VERIFY:
        begin_job(reader, command);
        break;
    case STK_VERB_ORDER_LIST:
        list_archived(reader, command);
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
    reader->value = stk_alloc(VALUE_BYTES);
    reader->doc = stk_alloc(DOC_BYTES);
    reader->values = stk_alloc(VALUES_MAX * sizeof *reader->values);
    if (!reader->value || !reader->doc || !reader->values) {
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
    stk_free(reader->values);
    stk_free(reader);
}
