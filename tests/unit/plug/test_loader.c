/* Loading: each file of tests/plugins is taken or refused as its first line says, with one line
 * that names the file and the cause; what is refused leaves no map, no descriptor and no call
 * behind. */
#include "core/plug/loader.h"
#include "tests/lib/folder.h"
#include <dirent.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct stk_plugin_file file;
static struct stk_error err;
static const struct stk_host host = {.abi = STK_ABI_INIT};

static const char *path_of(const char *name)
{
    static char path[512];
    const char *build = getenv("STK_BUILD") ? getenv("STK_BUILD") : "build";
    snprintf(path, sizeof path, "%s/tests/plugins/%s.so", build, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    setenv("STK_TEST_CALLED", "", 1);
    return 0;
}

/* Is a file whose path ends so mapped into this process? */
static int is_mapped(const char *name)
{
    char line[1024], end[128];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    snprintf(end, sizeof end, "/%s.so\n", name);
    while (fgets(line, sizeof line, maps))
        found |= strlen(line) > strlen(end) && !strcmp(line + strlen(line) - strlen(end), end);
    fclose(maps);
    return found;
}

static int count_fds(void)
{
    DIR *fds = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(fds);
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

/* `name` is refused with that status and those words, after these calls into it. */
static void refused(const char *name, enum stk_status status, const char *words, const char *called)
{
    int fds = count_fds();
    enum stk_status got;
    setenv("STK_TEST_CALLED", "", 1);
    got = stk_loader_open(&file, path_of(name), &err);
    if (got != status || !strstr(err.text, words))
        fail_msg("%s: status %d, \"%s\"; want %d, \"%s\"", name, got, err.text, status, words);
    assert_non_null(strstr(err.text, path_of(name)));
    assert_null(strchr(err.text, '\n'));
    assert_string_equal(getenv("STK_TEST_CALLED"), called);
    assert_false(is_mapped(name));
    assert_int_equal(count_fds(), fds);
    assert_null(file.handle);
    stk_loader_close(&file); /* of a closed one: nothing */
}

static void loads_and_unloads(void **state)
{
    const struct stk_plugin *plugin;
    (void)state;
    for (int round = 0; round < 3; round++) {
        setenv("STK_TEST_CALLED", "", 1);
        assert_int_equal(stk_loader_open(&file, path_of("good"), &err), STK_OK);
        assert_string_equal(file.manifest.name, "test");
        assert_true(file.path[0] == '/');
        assert_int_equal(stk_loader_make(&file, &host, &plugin, &err), STK_OK);
        assert_int_equal(plugin->init(plugin), STK_OK);
        plugin->destroy(plugin);
        stk_loader_close(&file);
        assert_string_equal(getenv("STK_TEST_CALLED"), "init create destroy deinit ");
        assert_false(is_mapped("good"));
    }
    stk_loader_close(NULL);
}

/* Refused by the manifest alone: the file was never loaded. */
static void refuses_before_loading(void **state)
{
    (void)state;
    refused("wrong_major", STK_VERSION, "made for plugin ABI 1.1, this host has 0.1", "");
    refused("no_note", STK_NOT_FOUND, "no manifest is in it", "");
    refused("bad_note", STK_MALFORMED, "a note is larger than its segment", "");
    refused("two_notes", STK_MALFORMED, "2 manifests are in it", "");
    refused("is_not_there", STK_IO, "No such file", "");
}

static void refuses_after_loading(void **state)
{
    (void)state;
    refused("unresolved", STK_INVALID,
            "cannot be linked: undefined symbol: stk_test_nobody_has_this", "");
    refused("no_entry", STK_INVALID, "exports no symbol stk_entry", "");
    refused("wrong_entry", STK_VERSION, "its entry is of plugin ABI 1.1, this host has 0.1", "");
    refused("init_fails", STK_DENIED, "its init refused: DENIED", "init ");
    refused("init_lies", STK_INVALID, "its init returned 4711, which is no status", "init ");
    refused("no_factory", STK_INVALID, "has no factory stk.plugin-factory/1", "init deinit ");
}

/* The instance is held against the manifest. */
static void refuses_instances(void **state)
{
    const struct stk_plugin *plugin = (const struct stk_plugin *)&host;
    (void)state;
    assert_int_equal(stk_loader_open(&file, path_of("wrong_kind"), &err), STK_OK);
    assert_int_equal(stk_loader_make(&file, &host, &plugin, &err), STK_INVALID);
    assert_non_null(strstr(err.text, "its manifest declares stk.orders-in/1, and the plugin has "
                                     "it not"));
    assert_null(plugin);
    stk_loader_close(&file);
    assert_string_equal(getenv("STK_TEST_CALLED"), "init create destroy deinit ");

    assert_int_equal(stk_loader_open(&file, path_of("half"), &err), STK_OK);
    assert_int_equal(stk_loader_make(&file, &host, &plugin, &err), STK_INVALID);
    assert_non_null(strstr(err.text, "its instance lacks a function"));
    stk_loader_close(&file);
}

/* What a file shows besides its entry is seen by nobody else. */
static void keeps_symbols_apart(void **state)
{
    (void)state;
    assert_int_equal(stk_loader_open(&file, path_of("extra_symbols"), &err), STK_OK);
    assert_null(dlsym(RTLD_DEFAULT, "stk_test_extra_symbol"));
    assert_non_null(dlsym(file.handle, "stk_test_extra_symbol"));
    stk_loader_close(&file);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *in = fopen(from, "rb");
    size_t size;
    assert_non_null(in);
    size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    test_file_write(to, bytes, size);
}

/* A new build takes the place of the old one while that is loaded. */
static void sees_a_new_build(void **state)
{
    struct test_folder folder;
    char path[600], build[600];
    (void)state;
    test_folder_make(&folder);
    snprintf(path, sizeof path, "%s/shop.so", folder.path);
    snprintf(build, sizeof build, "%s/new.so", folder.path);
    copy_file(path_of("good"), path);
    assert_int_equal(stk_loader_open(&file, path, &err), STK_OK);
    assert_int_equal(stk_loader_replaced(&file), 0);
    copy_file(path_of("wrong_kind"), build);
    assert_int_equal(rename(build, path), 0);
    assert_int_equal(stk_loader_replaced(&file), 1);
    stk_loader_close(&file);
    assert_int_equal(stk_loader_open(&file, path, &err), STK_OK);
    assert_int_equal(stk_loader_replaced(&file), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(stk_loader_replaced(&file), 0);
    stk_loader_close(&file);
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(loads_and_unloads, setup),
        cmocka_unit_test_setup(refuses_before_loading, setup),
        cmocka_unit_test_setup(refuses_after_loading, setup),
        cmocka_unit_test_setup(refuses_instances, setup),
        cmocka_unit_test_setup(keeps_symbols_apart, setup),
        cmocka_unit_test_setup(sees_a_new_build, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
