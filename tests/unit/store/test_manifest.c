/* Manifests: what is written is read; a changed letter, file or version is refused by name. */
#include "core/store/manifest.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static struct stk_path path;

static int setup(void **state)
{
    (void)state;
    struct stk_path file;
    test_folder_make_quick(&folder);
    stk_path_join(&path, folder.path, STK_MANIFEST_FILE, NULL);
    stk_path_join(&file, folder.path, "journal", NULL);
    assert_int_equal(stk_folder_make(file.text, NULL), STK_OK);
    stk_path_join(&file, folder.path, "state.mdb", NULL);
    test_file_write(file.text, "state", 5);
    stk_path_join(&file, folder.path, "journal/00000000000000000005.seg", NULL);
    test_file_write(file.text, "segment", 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static void write_one(void)
{
    struct stk_manifest manifest = {
        .folded = 7, .first = 5, .last = 99, .time_ms = -12, .id = {1, 2}, .chain = {0xab}};
    assert_int_equal(stk_manifest_add(&manifest, folder.path, "state.mdb", NULL), STK_OK);
    assert_int_equal(
        stk_manifest_add(&manifest, folder.path, "journal/00000000000000000005.seg", NULL), STK_OK);
    assert_int_equal(stk_manifest_bytes(&manifest), 12);
    assert_int_equal(stk_manifest_write(&manifest, folder.path, NULL), STK_OK);
    stk_manifest_fini(&manifest);
}

static void refused(enum stk_status expected, const char *word)
{
    struct stk_manifest manifest;
    struct stk_error err = {0};
    assert_int_equal(stk_manifest_read(&manifest, folder.path, &err), expected);
    assert_null(manifest.files);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct stk_manifest manifest;
    write_one();
    assert_int_equal(stk_manifest_read(&manifest, folder.path, NULL), STK_OK);
    assert_int_equal(manifest.folded, 7);
    assert_int_equal(manifest.first, 5);
    assert_int_equal(manifest.last, 99);
    assert_int_equal(manifest.time_ms, -12);
    assert_int_equal(manifest.id[1], 2);
    assert_int_equal(manifest.chain[0], 0xab);
    assert_int_equal(manifest.files_count, 2);
    assert_string_equal(manifest.files[1].name, "journal/00000000000000000005.seg");
    for (int i = 0; i < 2; i++)
        assert_int_equal(stk_manifest_check_file(&manifest.files[i], folder.path, NULL, NULL),
                         STK_OK);
    stk_manifest_fini(&manifest);
    stk_manifest_fini(&manifest);
}

static void test_many_files(void **state)
{
    (void)state;
    struct stk_manifest manifest = {0}, again;
    struct stk_error err = {0};
    for (int i = 0; i < STK_MANIFEST_FILES; i++)
        assert_int_equal(stk_manifest_add(&manifest, folder.path, "state.mdb", NULL), STK_OK);
    assert_int_equal(stk_manifest_add(&manifest, folder.path, "state.mdb", &err), STK_TOO_LARGE);
    assert_int_equal(stk_manifest_write(&manifest, folder.path, NULL), STK_OK);
    assert_int_equal(stk_manifest_read(&again, folder.path, NULL), STK_OK);
    assert_int_equal(again.files_count, STK_MANIFEST_FILES);
    stk_manifest_fini(&manifest);
    stk_manifest_fini(&again);
}

static void test_every_flipped_bit(void **state)
{
    (void)state;
    uint64_t bytes;
    write_one();
    assert_int_equal(stk_file_size(path.text, &bytes, NULL), STK_OK);
    for (uint64_t bit = 0; bit < bytes * 8; bit++) {
        struct stk_manifest manifest;
        test_flip_bit(path.text, bit);
        enum stk_status status = stk_manifest_read(&manifest, folder.path, NULL);
        assert_true(status == STK_CORRUPT || status == STK_VERSION);
        test_flip_bit(path.text, bit);
    }
    for (uint64_t size = 0; size < bytes; size += 3) {
        assert_int_equal(truncate(path.text, (off_t)size), 0);
        struct stk_manifest manifest;
        assert_int_not_equal(stk_manifest_read(&manifest, folder.path, NULL), STK_OK);
        write_one();
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    refused(STK_NOT_FOUND, "manifest: no such file");
    test_file_write(path.text, "hello\n", 6);
    refused(STK_CORRUPT, "not one of a backup");
    test_file_write(path.text, "stockade-backup 2\n", 18);
    refused(STK_VERSION, "not known here");
}

/* Sealed as it should be, but with a name that leads out of the backup. */
static void test_names_that_lead_out(void **state)
{
    (void)state;
    static const char *const names[] = {"../state.mdb", "/etc/passwd", "journal/../../x"};
    for (size_t i = 0; i < 3; i++) {
        struct stk_manifest manifest = {0};
        assert_int_equal(stk_manifest_add(&manifest, folder.path, "state.mdb", NULL), STK_OK);
        strcpy(manifest.files[0].name, names[i]);
        assert_int_equal(stk_manifest_write(&manifest, folder.path, NULL), STK_OK);
        stk_manifest_fini(&manifest);
        refused(STK_CORRUPT, "manifest: line 8 is damaged");
    }
}

static void test_changed_files(void **state)
{
    (void)state;
    struct stk_manifest manifest;
    struct stk_path file, copy;
    struct stk_error err = {0};
    write_one();
    assert_int_equal(stk_manifest_read(&manifest, folder.path, NULL), STK_OK);
    stk_path_join(&file, folder.path, "state.mdb", NULL);
    stk_path_join(&copy, folder.path, "copy", NULL);
    assert_int_equal(stk_manifest_check_file(&manifest.files[0], folder.path, copy.text, NULL),
                     STK_OK);
    char text[10];
    assert_int_equal(stk_file_get_text(copy.text, text, sizeof(text), NULL), STK_OK);
    assert_string_equal(text, "state");
    test_flip_bit(file.text, 3);
    assert_int_equal(stk_manifest_check_file(&manifest.files[0], folder.path, NULL, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "state.mdb: its SHA-256 is another one"));
    test_file_write(file.text, "states", 6);
    assert_int_equal(stk_manifest_check_file(&manifest.files[0], folder.path, NULL, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "6 bytes, it had 5"));
    unlink(file.text);
    assert_int_equal(stk_manifest_check_file(&manifest.files[0], folder.path, NULL, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "is missing"));
    stk_manifest_fini(&manifest);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_round_trip),   UNIT(test_many_files),          UNIT(test_every_flipped_bit),
        UNIT(test_what_is_none), UNIT(test_names_that_lead_out), UNIT(test_changed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
