/* The reader thread: what it looks up, what it attaches, and what it answers itself. The engine's
 * side of the rings and the rows on disk are played by this file. */
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/flow/reader.h"
#include "core/flow/rows.h"
#include "core/flow/verb.h"
#include "tests/lib/json_doc.h"
#include "tests/lib/rpc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the engine's side --- */

static struct {
    struct stk_ring_spsc parked, inbox;
    struct stk_park bell;
    struct stk_state state;
} engine;

struct stk_inbox *stk_engine_inbox_open(struct stk_engine *self, void (*wake)(void *arg), void *arg,
                                        struct stk_error *err)
{
    (void)self, (void)wake, (void)arg, (void)err;
    return (struct stk_inbox *)&engine;
}
struct stk_command *stk_inbox_reserve(struct stk_inbox *inbox, uint32_t size)
{
    (void)inbox;
    assert_true(size <= STK_COMMAND_MAX);
    return stk_ring_spsc_reserve(&engine.inbox, size);
}
void stk_inbox_commit(struct stk_inbox *inbox, struct stk_command *command)
{
    (void)inbox;
    stk_ring_spsc_commit(&engine.inbox, command->size);
}
void stk_inbox_publish(struct stk_inbox *inbox)
{
    (void)inbox;
    stk_ring_spsc_publish(&engine.inbox);
}
struct stk_ring_spsc *stk_engine_parked(struct stk_engine *self)
{
    (void)self;
    return &engine.parked;
}
struct stk_park *stk_engine_parked_bell(struct stk_engine *self)
{
    (void)self;
    return &engine.bell;
}
struct stk_state *stk_engine_state(struct stk_engine *self)
{
    (void)self;
    return &engine.state;
}

/* --- the disk --- */

#define ROWS 8
static struct {
    struct {
        struct stk_hash key;
        uint8_t value[512];
        uint32_t size;
    } keys[ROWS];
    struct {
        uint64_t number;
        const char *value;
    } archive[ROWS];
    _Atomic stk_seq_t folded;
    _Atomic int hurries;
    _Atomic int stuck;
    int broken;
    struct stk_batch batch;
    stk_seq_t durable, first;
    enum stk_status backup;
    _Atomic int slow_backup; /* runs until this is 0 */
} disk;

enum stk_status stk_rows_find_key(struct stk_rows *rows, struct stk_hash key, stk_seq_t *seq,
                                  void *payload, uint32_t *payload_size, struct stk_error *err)
{
    (void)rows;
    if (disk.broken)
        return stk_error_set(err, STK_IO, "it burns");
    for (int i = 0; i < ROWS; i++)
        if (disk.keys[i].size && stk_hash_equal(disk.keys[i].key, key)) {
            assert_true(disk.keys[i].size <= *payload_size);
            memcpy(payload, disk.keys[i].value, disk.keys[i].size);
            *payload_size = disk.keys[i].size;
            *seq = 4;
            return STK_OK;
        }
    return STK_NOT_FOUND;
}
enum stk_status stk_rows_get(struct stk_rows *rows, enum stk_table table, struct stk_bytes key,
                             void *value, uint32_t *value_size, struct stk_error *err)
{
    struct stk_reader in = stk_reader(key.data, key.size);
    uint64_t number = stk_get_be64(&in);
    (void)rows;
    assert_int_equal(table, STK_TABLE_ARCHIVE);
    if (disk.broken)
        return stk_error_set(err, STK_CORRUPT, "it burns");
    for (int i = 0; i < ROWS; i++)
        if (disk.archive[i].number == number) {
            *value_size = (uint32_t)strlen(disk.archive[i].value);
            memcpy(value, disk.archive[i].value, *value_size);
            return STK_OK;
        }
    return STK_NOT_FOUND;
}
int stk_rows_stuck(struct stk_rows *rows)
{
    (void)rows;
    return atomic_load(&disk.stuck);
}
stk_seq_t stk_rows_folded(struct stk_rows *rows)
{
    (void)rows;
    return atomic_load(&disk.folded);
}
enum stk_status stk_rows_range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                               uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err)
{
    (void)rows, (void)table, (void)from, (void)max, (void)fn, (void)arg, (void)err;
    return STK_OK;
}
static void hurry(void *arg)
{
    (void)arg;
    if (atomic_fetch_add(&disk.hurries, 1) == 3)
        atomic_store(&disk.folded, 100);
}
static stk_seq_t log_durable(void *self)
{
    (void)self;
    return disk.durable;
}
static enum stk_status log_read(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                struct stk_error *err)
{
    struct stk_batch_view view;
    enum stk_status status;
    (void)self, (void)from;
    if (disk.broken)
        return stk_error_set(err, STK_IO, "it burns");
    status = stk_batch_open(disk.batch.data, disk.batch.size, &view, err);
    return status == STK_OK ? fn(arg, &view, err) : status;
}
void stk_journal_range(struct stk_journal *journal, stk_seq_t *first, stk_seq_t *last)
{
    (void)journal;
    *first = disk.first;
    *last = disk.durable;
}
static enum stk_status backup(const char *target, struct stk_backup_result *result,
                              struct stk_error *err)
{
    while (atomic_load(&disk.slow_backup))
        usleep(1000);
    if (disk.backup != STK_OK)
        return stk_error_set(err, disk.backup, "%s: no", target);
    *result = (struct stk_backup_result){.folded = 5, .last = 9, .bytes = 1234};
    return STK_OK;
}
enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows,
                                const char *target, struct stk_backup_result *result,
                                struct stk_error *err)
{
    (void)journal, (void)rows;
    return backup(target, result, err);
}
enum stk_status stk_backup_verify(const char *target, struct stk_backup_result *result,
                                  struct stk_error *err)
{
    return backup(target, result, err);
}

/* --- the test --- */

static struct stk_lookup *reader;
static struct stk_error err;
static struct stk_value values[65536];

static int set_up(void **state)
{
    struct stk_reader_options options = {
        .log = {.durable = log_durable, .read = log_read},
        .journal = (struct stk_journal *)&disk,
        .backup_folder = "/tmp/stockade-test-reader",
        .hurry = hurry,
    };
    (void)state;
    memset(&engine, 0, sizeof engine);
    memset(&disk, 0, sizeof disk);
    stk_ring_spsc_init(&engine.parked, 1 << 20, &err);
    stk_ring_spsc_init(&engine.inbox, STK_INBOX_BYTES, &err);
    stk_names_create(&engine.state.names, &err);
    return stk_reader_create(&reader, &options, &err) == STK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    stk_reader_destroy(reader);
    stk_names_destroy(engine.state.names);
    stk_ring_spsc_fini(&engine.parked);
    stk_ring_spsc_fini(&engine.inbox);
    stk_batch_fini(&disk.batch);
    rmdir("/tmp/stockade-test-reader");
    return 0;
}

/* The engine parks this command. */
static void park(const char *verb_name, const char *json, uint64_t order_number)
{
    const struct stk_verb *verb =
        stk_verb_by_name((struct stk_bytes){verb_name, (uint32_t)strlen(verb_name)});
    struct test_value params = test_value_json(json);
    struct stk_command *command = stk_ring_spsc_reserve(&engine.parked, 4096);
    if (stk_command_decode(verb, params.root, command, 4096, &err) != STK_OK)
        fail_msg("%s", err.text);
    command->ticket = 77;
    command->submitter = 3;
    command->order_number = order_number;
    command->parked_seq = order_number ? 50 : 0;
    stk_ring_spsc_commit(&engine.parked, command->size);
    if (stk_ring_spsc_publish(&engine.parked))
        stk_park_wake(&engine.bell);
    test_value_free(&params);
}

/* What the engine gets back: exactly one. Lent until the next. */
static const struct stk_command *back(void)
{
    uint32_t size;
    const struct stk_command *command;
    stk_ring_spsc_release(&engine.inbox);
    for (int i = 0; i < 5000 && !(command = stk_ring_spsc_next(&engine.inbox, &size)); i++)
        usleep(1000);
    assert_non_null(command);
    assert_int_equal(command->size, size);
    assert_int_equal(command->ticket, 77);
    assert_int_equal(command->submitter, 3);
    return command;
}

static const struct stk_command *stepped(void)
{
    uint32_t size;
    assert_int_equal(stk_reader_step(reader), 1);
    const struct stk_command *command = back();
    assert_null(stk_ring_spsc_peek(&engine.inbox, &size));
    return command;
}

/* The answer that comes back, parsed; *status as it was given. */
static const struct stk_value *answer_in(const struct stk_command *command, int *status)
{
    struct stk_answer answer;
    struct stk_parse parse;
    struct stk_bytes attached = stk_command_bytes(command, command->attached);
    assert_int_equal(command->attach, STK_ATTACH_ANSWER);
    memcpy(&answer, attached.data, sizeof answer);
    assert_int_equal(answer.doc_size + sizeof answer, attached.size);
    assert_int_equal(stk_doc_parse(attached.data + sizeof answer, answer.doc_size, STK_ANSWER_MAX,
                                   STK_DEPTH_MAX, values, 65536, &parse),
                     STK_OK);
    assert_int_equal(parse.consumed, answer.doc_size);
    *status = answer.status;
    return parse.root;
}

static void put_key(int slot, unsigned space, const char *source, const char *id, uint8_t class,
                    uint64_t number)
{
    static _Alignas(8) uint8_t room[4096];
    struct stk_bytes source_bytes = {source, (uint32_t)strlen(source)};
    struct stk_bytes id_bytes = {id, (uint32_t)strlen(id)};
    struct stk_key_entry entry = {.key = stk_command_key(space, source_bytes, id_bytes),
                                  .seq = 4,
                                  .number = number,
                                  .verb = STK_VERB_ORDER_PAY,
                                  .class = class};
    struct stk_record record = {.limit = room + sizeof room};
    struct stk_record_view view;
    struct stk_row_view row;
    stk_record_begin(&record, room, 4, STK_VERB_ORDER_PAY, 0, 0);
    record.limit = room + sizeof room;
    stk_row_put_key(&record, &entry, class ? 0 : space, 1000, source_bytes, id_bytes,
                    (struct stk_bytes){"\x80", 1});
    assert_int_equal(
        stk_record_open((struct stk_bytes){(const char *)room, stk_record_size(&record)}, 4, 0,
                        &view, &err),
        STK_OK);
    assert_int_equal(stk_record_next(&view, &row), 1);
    disk.keys[slot].key = entry.key;
    disk.keys[slot].size = row.value.size;
    memcpy(disk.keys[slot].value, row.value.data, row.value.size);
}

#define PAY "{'source':'s','id':'p1','order':'o1'}"

static void a_remembered_answer_is_attached(void **state)
{
    (void)state;
    put_key(0, STK_KEY_OTHER, "s", "p1", 0, 0);
    put_key(1, STK_KEY_ORDER, "s", "o1", 1, 42);
    park("order.pay", PAY, 0);
    const struct stk_command *command = stepped();
    struct stk_key_answer answer;
    assert_int_equal(command->attach, STK_ATTACH_KEY);
    struct stk_bytes attached = stk_command_bytes(command, command->attached);
    stk_seq_t seq;
    memcpy(&seq, attached.data, sizeof seq);
    assert_int_equal(seq, 4);
    attached.data += sizeof seq, attached.size -= sizeof seq;
    assert_int_equal(stk_row_read_key(attached, seq, NULL, &answer, &err), STK_OK);
    assert_int_equal(answer.verb, STK_VERB_ORDER_PAY);
    assert_int_equal(answer.doc.size, 1);
    /* the command itself is as it was */
    const struct stk_args_order *args = stk_command_args(command);
    assert_memory_equal(stk_command_bytes(command, args->order).data, "o1", 2);
}

static void an_archived_order_is_attached(void **state)
{
    (void)state;
    uint64_t number;
    put_key(1, STK_KEY_ORDER, "s", "o1", 1, 42);
    disk.archive[0].number = 42;
    disk.archive[0].value = "the row";
    park("order.pay", PAY, 0);
    const struct stk_command *command = stepped();
    struct stk_bytes attached = stk_command_bytes(command, command->attached);
    assert_int_equal(command->attach, STK_ATTACH_ORDER);
    memcpy(&number, attached.data, 8);
    assert_int_equal(number, 42);
    assert_int_equal(attached.size, 8 + 7);
    assert_memory_equal(attached.data + 8, "the row", 7);
    /* placed again: found by its own key */
    park("order.place", "{'source':'s','id':'o1','lines':[{'sku':'A','quantity':1}]}", 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_ORDER);
    park("order.get", "{'order_source':'s','order':'o1'}", 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_ORDER);
    disk.archive[0].number = 43; /* gone after its 400 days */
    park("order.get", "{'order_source':'s','order':'o1'}", 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_ABSENT);
}

static void a_refused_place_is_no_order(void **state)
{
    (void)state;
    put_key(0, STK_KEY_ORDER, "s", "o1", 0, 0); /* SHORT was remembered under the order's id */
    park("order.pay", PAY, 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_ABSENT);
    park("order.place", "{'source':'s','id':'o1','lines':[{'sku':'A','quantity':1}]}", 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_KEY);
}

static void nothing_is_there(void **state)
{
    (void)state;
    park("order.pay", PAY, 0);
    const struct stk_command *command = stepped();
    assert_int_equal(command->attach, STK_ATTACH_ABSENT);
    assert_int_equal(command->attached.size, 0);
}

static void an_order_archived_just_now_is_waited_for(void **state)
{
    (void)state;
    disk.archive[0].number = 42;
    disk.archive[0].value = "the row";
    park("order.pay", PAY, 42); /* its key is in no run; the engine knows the number */
    assert_int_equal(stepped()->attach, STK_ATTACH_ORDER);
    assert_true(atomic_load(&disk.hurries) >= 3);
    assert_int_equal(atomic_load(&disk.folded), 100);
}

/* It was archived, came back, changed, and was archived again: the run knows the first time only.
 */
static void an_order_archived_again_is_waited_for(void **state)
{
    (void)state;
    put_key(1, STK_KEY_ORDER, "s", "o1", 1, 42);
    disk.archive[0].number = 42;
    disk.archive[0].value = "the row";
    park("order.pay", PAY, 42);
    assert_int_equal(stepped()->attach, STK_ATTACH_ORDER);
    assert_true(atomic_load(&disk.hurries) >= 3);
    assert_int_equal(atomic_load(&disk.folded), 100);
}

/* The fold has no space to write to: nobody waits for it, others want to read. */
static void a_fold_that_is_stuck_is_not_waited_for(void **state)
{
    (void)state;
    disk.archive[0].number = 42;
    disk.archive[0].value = "the row";
    atomic_store(&disk.stuck, 1);
    park("order.get", "{'order_source':'s','order':'o1'}", 42);
    assert_int_equal(stepped()->attach, STK_ATTACH_LATE);
    assert_int_equal(atomic_load(&disk.hurries), 0);
    atomic_store(&disk.folded, 100); /* what is there is found all the same */
    park("order.get", "{'order_source':'s','order':'o1'}", 42);
    assert_int_equal(stepped()->attach, STK_ATTACH_ORDER);
}

static void a_disk_that_fails_is_said(void **state)
{
    (void)state;
    disk.broken = 1;
    park("order.pay", PAY, 0);
    assert_int_equal(stepped()->attach, STK_ATTACH_FAILED);
    atomic_store(&disk.folded, 100);
    put_key(1, STK_KEY_ORDER, "s", "o1", 1, 42);
    park("order.pay", PAY, 42);
    assert_int_equal(stepped()->attach, STK_ATTACH_FAILED);
    disk.durable = 5;
    park("journal.read", "{}", 0);
    int status;
    assert_string_equal(test_text(answer_in(stepped(), &status), "message"), "it burns");
    assert_int_equal(status, STK_IO);
}

/* Effects 10 to 10 + count - 1, each naming a source. */
static void write_journal(uint32_t count)
{
    static const uint8_t zeros[STK_CHAIN_BYTES];
    assert_int_equal(stk_batch_init(&disk.batch, &err), STK_OK);
    stk_batch_reset(&disk.batch, 10);
    for (uint32_t i = 0; i < count; i++) {
        struct stk_record record;
        stk_record_begin(&record, stk_batch_record_open(&disk.batch),
                         disk.batch.first + disk.batch.count, STK_VERB_SKU_PUT, i, 0);
        stk_row_put_name(&record, STK_NAME_SOURCE, (uint16_t)(i + 1), (struct stk_bytes){"src", 3});
        stk_batch_record_close(&disk.batch, stk_record_size(&record), 5000 + i);
    }
    stk_batch_close(&disk.batch, zeros);
    disk.first = 10;
    disk.durable = 10 + count - 1;
}

static void effects_are_read_page_by_page(void **state)
{
    (void)state;
    int status;
    write_journal(250);
    park("journal.read", "{'limit':100}", 0);
    const struct stk_value *page = answer_in(stepped(), &status);
    const struct stk_value *effects = stk_value_get(page, "effects");
    assert_int_equal(status, STK_OK);
    assert_int_equal(effects->size, 100);
    assert_int_equal(test_number(&effects->as.items[0], "seq"), 10); /* what was cut is skipped */
    assert_int_equal(test_number(&effects->as.items[3], "time"), 5003);
    assert_string_equal(test_text(&effects->as.items[0], "verb"), "sku.put");
    const struct stk_value *rows = stk_value_get(&effects->as.items[0], "rows");
    assert_int_equal(rows->size, 1);
    assert_string_equal(test_text(&rows->as.items[0], "table"), "name");
    assert_string_equal(test_text(&rows->as.items[0], "key"), "010001");
    assert_int_equal(test_number(page, "next"), 110);
    assert_int_equal(test_number(page, "last"), 259);
    park("journal.read", "{'from':210,'limit':100}", 0);
    page = answer_in(stepped(), &status);
    assert_int_equal(stk_value_get(page, "effects")->size, 50);
    assert_int_equal(test_number(page, "next"), 260);
    park("journal.read", "{'from':260}", 0);
    page = answer_in(stepped(), &status);
    assert_int_equal(stk_value_get(page, "effects")->size, 0);
    assert_int_equal(test_number(page, "next"), 260);
}

static void backups_do_not_hold_up_lookups(void **state)
{
    (void)state;
    int status;
    atomic_store(&disk.slow_backup, 1);
    assert_int_equal(stk_reader_start(reader, &err), STK_OK);
    park("backup.start", "{'target':'monday'}", 0);
    park("order.pay", PAY, 0);
    assert_int_equal(back()->attach, STK_ATTACH_ABSENT);
    park("backup.verify", "{'target':'sunday'}", 0);
    answer_in(back(), &status);
    assert_int_equal(status, STK_BUSY);
    atomic_store(&disk.slow_backup, 0);
    const struct stk_value *answer = answer_in(back(), &status);
    assert_int_equal(status, STK_OK);
    assert_string_equal(test_text(answer, "target"), "/tmp/stockade-test-reader/monday");
    assert_int_equal(test_number(answer, "bytes"), 1234);
    disk.backup = STK_CORRUPT;
    park("backup.verify", "{'target':'/mnt/sunday'}", 0);
    answer = answer_in(back(), &status);
    assert_int_equal(status, STK_CORRUPT);
    assert_string_equal(test_text(answer, "message"), "/mnt/sunday: no");
    atomic_store(&disk.slow_backup, 1);
    park("backup.start", "{'target':'last'}", 0);
    usleep(20000);
    atomic_store(&disk.slow_backup, 0);
    stk_reader_stop(reader); /* waits for it, and it is answered */
    answer_in(back(), &status);
}

static void targets_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../x", "a/b", "/a/../b", ".."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[64];
        int status;
        snprintf(json, sizeof json, "{'target':'%s'}", bad[i]);
        park("backup.start", json, 0);
        const struct stk_value *answer = answer_in(stepped(), &status);
        assert_int_equal(status, STK_INVALID);
        assert_int_equal(strncmp(test_text(answer, "message"), "params.target: ", 15), 0);
    }
}

static void a_thread_answers_and_sleeps(void **state)
{
    (void)state;
    assert_int_equal(stk_reader_start(reader, &err), STK_OK);
    for (int i = 0; i < 200; i++) {
        park("order.pay", PAY, 0);
        assert_int_equal(back()->attach, STK_ATTACH_ABSENT);
        if (i % 50 == 0)
            usleep(5000);
    }
    for (int i = 0; i < 500; i++)
        park("order.pay", PAY, 0);
    for (int i = 0; i < 500; i++)
        assert_int_equal(back()->attach, STK_ATTACH_ABSENT);
    stk_reader_stop(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_remembered_answer_is_attached),
        TEST(an_archived_order_is_attached),
        TEST(a_refused_place_is_no_order),
        TEST(nothing_is_there),
        TEST(an_order_archived_just_now_is_waited_for),
        TEST(an_order_archived_again_is_waited_for),
        TEST(a_fold_that_is_stuck_is_not_waited_for),
        TEST(a_disk_that_fails_is_said),
        TEST(effects_are_read_page_by_page),
        TEST(backups_do_not_hold_up_lookups),
        TEST(targets_that_lead_elsewhere_are_refused),
        TEST(a_thread_answers_and_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
