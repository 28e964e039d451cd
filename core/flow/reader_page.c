/* Pages of what is on disk: effects from J, archived orders from S.
 *
 * Always true: a page ends before it is larger than an answer may be, and says where the next one
 * begins; a row that this version does not understand is shown as bytes. */
#include "core/flow/reader_page.h"
#include "core/flow/describe.h"
#include "core/flow/order_row.h"
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES    (1024 * 1024) /* of effects in one answer, then it ends */
#define TAIL_BYTES    256
#define LOOKED_AT_MAX 5000 /* rows in one read transaction */

/* --- journal.read --- */

struct page {
    const struct stk_reader_page *from_where;
    struct stk_doc *doc;
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

/* A row that is not understood is shown as bytes: the journal can be read whatever is in it. */
static void write_row(struct page *page, const struct stk_row_view *row)
{
    struct stk_doc *doc = page->doc;
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
        if (stk_row_describe(page->from_where->names, row->table, row->key, row->value, doc,
                             &err) != STK_OK) {
            doc->size = before;
            stk_doc_map(doc, 1);
            write_hex(doc, "bytes", row->value);
        }
    }
}

static void write_who(struct page *page, uint32_t number)
{
    const struct stk_reader_page *from = page->from_where;
    struct stk_bytes name = {0};
    if (number <= stk_names_max(STK_NAME_PRINCIPAL))
        name = stk_names_text(from->names, STK_NAME_PRINCIPAL, (uint16_t)number);
    if (name.size)
        stk_doc_key_str(page->doc, "who", name);
    else
        stk_doc_key_uint(page->doc, "who", number);
}

static enum stk_status write_effect(struct page *page, stk_seq_t seq, struct stk_bytes bytes,
                                    stk_time_t batch_ms, struct stk_error *err)
{
    struct stk_doc *doc = page->doc;
    struct stk_record_view record;
    struct stk_row_view row;
    const struct stk_verb *verb;
    uint32_t mark, rows = 0;
    enum stk_status status = stk_record_open(bytes, seq, batch_ms, &record, err);
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
    return page->count == page->limit || page->doc->size > PAGE_BYTES;
}

static enum stk_status on_batch(void *arg, const struct stk_batch_view *batch,
                                struct stk_error *err)
{
    struct page *page = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes bytes;
    for (stk_seq_t seq = view.first; stk_batch_next(&view, &bytes); seq++) {
        uint32_t before = page->doc->size;
        enum stk_status status;
        if (seq < page->from)
            continue;
        if (page_full(page))
            return STK_AGAIN; /* enough */
        status = write_effect(page, seq, bytes, view.time_ms, err);
        if (status != STK_OK)
            return status;
        if (page->doc->overflow) { /* an effect of its own size: the next page begins with it */
            page->doc->overflow = 0;
            page->doc->size = before;
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

enum stk_status stk_reader_page_journal(const struct stk_reader_page *from,
                                        const struct stk_args_journal_read *args,
                                        struct stk_doc *doc, struct stk_error *err)
{
    const struct stk_log *log = &from->log;
    struct page page = {.from_where = from, .doc = doc, .from = args->from, .limit = args->limit};
    stk_seq_t first = 0, last = 0;
    enum stk_status status = STK_OK;
    uint32_t mark;
    if (from->journal)
        stk_journal_range(from->journal, &first, &last);
    if (page.from < first)
        page.from = first; /* cut: begin with what there is */
    page.last = page.from - 1;
    doc->capacity -= TAIL_BYTES; /* the end of the answer always fits */
    stk_doc_map(doc, 3);
    stk_doc_text(doc, "effects");
    mark = stk_doc_array_open(doc);
    if (page.from <= log->durable(log->self))
        status = log->read(log->self, page.from, on_batch, &page, err);
    doc->capacity += TAIL_BYTES;
    if (status != STK_OK && status != STK_AGAIN)
        return status;
    stk_doc_array_close(doc, mark, page.count);
    stk_doc_key_uint(doc, "next", page.last + 1);
    stk_doc_key_uint(doc, "last", log->durable(log->self));
    return STK_OK;
}

/* --- order.list of archived orders --- */

struct archive {
    const struct stk_reader_page *from;
    struct stk_doc *doc;
    uint8_t state;
    struct stk_bytes channel; /* of this one alone; empty: all */
    uint32_t limit, count, seen;
    uint64_t last; /* number of the last one looked at */
};

static const char *const archived_fields[] = {"order_number", "id",    "source",
                                              "channel",      "state", "placed_at"};
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

static int is_of_channel(const struct stk_value *order, struct stk_bytes channel)
{
    const struct stk_value *name = stk_value_get(order, "channel");
    return channel.size == 0 ||
           (name && name->type == STK_VALUE_STR && name->size == channel.size &&
            memcmp(name->as.text, channel.data, channel.size) == 0);
}

static enum stk_status on_archived(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    struct archive *archive = arg;
    const struct stk_reader_page *from = archive->from;
    struct stk_doc whole = stk_doc(from->value, STK_READER_VALUE_BYTES);
    struct stk_reader in = stk_reader(key.data, key.size);
    struct stk_parse parse;
    uint64_t number = stk_get_be64(&in);
    enum stk_status status;
    if (archive->count == archive->limit)
        return STK_AGAIN; /* there is a next page */
    status = stk_row_describe_order(from->names, number, value, &whole, err);
    if (status == STK_OK && whole.overflow)
        status = stk_error_set(err, STK_TOO_LARGE, "order %llu is larger than an answer",
                               (unsigned long long)number);
    if (status == STK_OK)
        status = stk_doc_parse(whole.data, whole.size, STK_READER_VALUE_BYTES, STK_DEPTH_MAX,
                               from->values, STK_READER_VALUES_MAX, &parse);
    if (status != STK_OK)
        return status;
    archive->last = number;
    archive->seen++;
    if (!is_state(parse.root, archive->state) || !is_of_channel(parse.root, archive->channel))
        return STK_OK;
    stk_doc_map(archive->doc, ARCHIVED_FIELDS);
    for (unsigned i = 0; i < ARCHIVED_FIELDS; i++)
        copy_field(archive->doc, archived_fields[i], stk_value_get(parse.root, archived_fields[i]));
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

/* What is archived is kept by number, not by channel. At most so many rows are looked at in one go,
 * so that the read transaction stays short: a page may hold fewer than asked for and still have a
 * next one. */
enum stk_status stk_reader_page_archived(const struct stk_reader_page *from,
                                         const struct stk_command *command, struct stk_doc *doc,
                                         struct stk_error *err)
{
    const struct stk_args_page *args = stk_command_args(command);
    struct stk_bytes cursor = stk_command_bytes(command, args->cursor);
    struct archive archive = {.from = from,
                              .doc = doc,
                              .state = args->state,
                              .channel = stk_command_bytes(command, args->channel),
                              .limit = args->limit};
    enum stk_status status;
    uint8_t key[8];
    char text[24];
    uint32_t mark;
    if (cursor.size && !number_of(cursor))
        return stk_error_set(err, STK_INVALID, "params.cursor: is none of this list");
    stk_put_be64(key, number_of(cursor) + 1);
    stk_doc_map(doc, 2);
    stk_doc_text(doc, "orders");
    mark = stk_doc_array_open(doc);
    status = from->range(from->rows, STK_TABLE_ARCHIVE,
                         (struct stk_bytes){(const char *)key, sizeof key}, LOOKED_AT_MAX,
                         on_archived, &archive, err);
    if (status != STK_OK && status != STK_AGAIN)
        return status;
    stk_doc_array_close(doc, mark, archive.count);
    stk_doc_text(doc, "next");
    snprintf(text, sizeof text, "%llu", (unsigned long long)archive.last);
    if (status == STK_AGAIN || archive.seen == LOOKED_AT_MAX)
        stk_doc_text(doc, text);
    else
        stk_doc_nil(doc);
    return STK_OK;
}
