/* journal verify and journal read on a folder that a real journal wrote, whole and damaged. */
#include "core/flow/rows.h"
#include "core/store/journal.h"
#include "tests/lib/feed.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include "tools/stockade/cli.h"
#include "tools/stockade/texts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define EFFECTS 20
#define TIME_MS INT64_C(1291191960000)

/* Effect n gives word "word-n" the number n, in batches of 5. */
static void write_journal(const char *folder)
{
    struct stk_journal *journal;
    struct stk_error err = {0};
    struct stk_journal_options options = {.folder = folder, .segment_bytes = STK_SEGMENT_BYTES_MIN};
    assert_int_equal(stk_journal_open(&journal, &options, &err), STK_OK);
    assert_int_equal(stk_journal_start(journal, &err), STK_OK);
    struct stk_log log = stk_journal_log(journal);
    for (int n = 1; n <= EFFECTS; n += 5) {
        struct stk_batch *batch = log.take(log.self);
        assert_non_null(batch);
        for (int i = n; i < n + 5; i++) {
            struct stk_record record;
            char word[16];
            int size = snprintf(word, sizeof(word), "word-%d", i);
            stk_record_begin(&record, stk_batch_record_open(batch), batch->first + batch->count,
                             STK_VERB_ORDER_PLACE, 0, 0);
            stk_row_put_name(&record, STK_NAME_SOURCE, (uint16_t)i,
                             (struct stk_bytes){word, (uint32_t)size});
            if (i == EFFECTS)
                stk_row_delete_u32(&record, STK_TABLE_EARMARK, 7);
            stk_batch_record_close(batch, stk_record_size(&record), TIME_MS);
        }
        log.submit(log.self, batch);
        test_feed_wait(&log);
    }
    stk_journal_stop(journal);
    stk_journal_close(journal);
}

static int run(int (*command)(struct cli *), const char *const *words, int json, char *text,
               size_t size)
{
    struct cli cli = {.json = json};
    char *argv[16];
    FILE *out = tmpfile();
    cli.argv = argv;
    for (; words[cli.argc]; cli.argc++)
        argv[cli.argc] = (char *)(uintptr_t)words[cli.argc];
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    int code = command(&cli);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    fseek(out, 0, SEEK_SET);
    text[fread(text, 1, size - 1, out)] = '\0';
    fclose(out);
    return code;
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void has(const char *text, const char *want)
{
    if (!strstr(text, want))
        fail_msg("'%s' is not in: %s", want, text);
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void test_whole(void **state)
{
    struct test_folder *at = *state;
    char text[65536];
    assert_int_equal(run(cli_journal_verify, WORDS(at->path), 1, text, sizeof(text)), EXIT_DONE);
    has(text, "\"first\":1,\"last\":20,\"effects\":20,\"batches\":4");
    assert_int_equal(run(cli_journal_verify, WORDS("--data", at->path), 0, text, sizeof(text)),
                     EXIT_DONE);
    has(text, "first_at: 2010-12-01 08:26:00Z");
    assert_int_equal(run(cli_journal_read, WORDS(at->path), 1, text, sizeof(text)), EXIT_DONE);
    assert_int_equal(lines_of(text), 10);
    has(text, "{\"seq\":1,\"time\":1291191960000,\"verb\":\"order.place\",\"who\":0,\"rows\":"
              "[{\"table\":\"name\",\"value\":{\"kind\":1,\"number\":1,\"text\":\"word-1\"}}]}");
    assert_int_equal(run(cli_journal_read, WORDS("--data", at->path, "--from", "19", "--limit=5"),
                         0, text, sizeof(text)),
                     EXIT_DONE);
    assert_string_equal(text, "19  2010-12-01 08:26:00Z  order.place\n"
                              "    name         kind=1 number=19 text=word-19\n"
                              "20  2010-12-01 08:26:00Z  order.place\n"
                              "    name         kind=1 number=20 text=word-20\n"
                              "    earmark      (deleted)\n");
}

/* One bit of one text: found, named, and what was sound before it is told. */
static void test_damaged(void **state)
{
    struct test_folder *at = *state;
    char text[65536], file[600];
    FILE *list;
    snprintf(file, sizeof(file), "ls %s/*", at->path);
    assert_non_null(list = popen(file, "r"));
    int found = 0;
    while (!found && fgets(file, sizeof(file), list)) {
        file[strcspn(file, "\n")] = '\0';
        found = !strstr(file, "lock") && !access(file, R_OK);
    }
    pclose(list);
    assert_true(found);
    test_flip_bit(file, test_find_bytes(file, "word-12", 7) * 8);
    assert_int_equal(run(cli_journal_verify, WORDS(at->path), 1, text, sizeof(text)), EXIT_REFUSED);
    has(text, "CORRUPT");
    has(text, "11"); /* its batch begins there */
    assert_int_equal(run(cli_journal_read, WORDS(at->path, "--limit=1000"), 1, text, sizeof(text)),
                     EXIT_REFUSED);
    has(text, "\"seq\":10,");
    assert_null(strstr(text, "\"seq\":11,"));
}

static void test_usage(void **state)
{
    struct test_folder *at = *state;
    char text[4096];
    assert_int_equal(run(cli_journal_verify, WORDS("/nonexistent"), 1, text, sizeof(text)),
                     EXIT_REFUSED);
    has(text, "/nonexistent");
    assert_int_equal(run(cli_journal_verify, WORDS("a", "b"), 1, text, sizeof(text)), EXIT_USAGE);
    has(text, "what is 'b'");
    assert_int_equal(run(cli_journal_verify, WORDS("--to=1"), 1, text, sizeof(text)), EXIT_USAGE);
    has(text, "no option --to");
    assert_int_equal(run(cli_journal_read, WORDS(at->path, "--from=x"), 1, text, sizeof(text)),
                     EXIT_USAGE);
    has(text, "--from");
    assert_int_equal(run(cli_journal_read, WORDS(at->path, "--from"), 1, text, sizeof(text)),
                     EXIT_USAGE);
    has(text, "lacks its value");
}

static int set_up(void **state)
{
    struct test_folder *at = calloc(1, sizeof(*at));
    test_folder_make(at);
    write_journal(at->path);
    *state = at;
    return 0;
}

static int tear_down(void **state)
{
    test_folder_remove(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_usage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
