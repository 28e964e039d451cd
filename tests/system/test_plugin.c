/* A plugin beside the real engine, in its process and in a child: orders come in and hold stock,
 * values leave and are accepted and observed, nothing is written that nobody allowed; the engine is
 * killed in the middle; the plugin does what a plugin must not. */
#include "tests/lib/rpc_client.h"
#include "tests/lib/stockaded.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct stockaded engine;
static struct test_rpc rpc;
static char shop[128]; /* its folder */

static const char *shop_file(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", shop, name);
    return path;
}

static void put_line(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_line(const char *name, const char *format, ...)
{
    va_list list;
    FILE *file = fopen(shop_file(name), "a");
    assert_non_null(file);
    va_start(list, format);
    vfprintf(file, format, list);
    va_end(list);
    fclose(file);
}

static void connect_rpc(void)
{
    rpc = test_rpc_open(engine.unix_address);
    assert_true(rpc.fd >= 0);
}

static const struct stk_value *ask(const char *verb, const char *json)
{
    struct test_response response = test_rpc_ask(&rpc, verb, json);
    if (response.error)
        fail_msg("%s: %s %s", verb, test_code(&response), test_text(response.error, "message"));
    return response.result;
}

static int64_t held(void)
{
    const struct stk_value *cells = stk_value_get(ask("stock.get", "{'sku':'S'}"), "cells");
    return cells->size ? test_number(&cells->as.items[0], "held") : 0;
}

static const struct stk_value *channel(void)
{
    const struct stk_value *all = stk_value_get(ask("status", "{}"), "channels");
    assert_int_equal(all->size, 1);
    return &all->as.items[0];
}

static const struct stk_value *published(void)
{
    const struct stk_value *listing = ask("listing.get", "{'channel':'shop','listing':'L1'}");
    const struct stk_value *all = stk_value_get(listing, "published");
    return all && all->size ? &all->as.items[0] : NULL;
}

/* Until `condition` within 30 s. */
#define until(condition)                                                                           \
    do {                                                                                           \
        int64_t end_us_ = test_now_us() + 30000000;                                                \
        while (!(condition)) {                                                                     \
            if (test_now_us() > end_us_)                                                           \
                fail_msg("never: %s; words: %s", #condition, stockaded_words(&engine));            \
            usleep(20000);                                                                         \
        }                                                                                          \
    } while (0)

static int state_is(const char *name)
{
    return strcmp(test_text(channel(), "state"), name) == 0;
}

static void start(const char *isolation, const char *more)
{
    char config[2000], cwd[512], command[300];
    const char *build = getenv("STK_BUILD");
    int absolute = build && *build == '/';
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(shop, sizeof shop, "/tmp/stockade-shop-%d", (int)getpid());
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", shop, shop);
    assert_int_equal(system(command), 0);
    snprintf(config, sizeof config,
             "channels:\n  - name: shop\n    plugin: %s/%s/tests/plugins/shop.so\n"
             "    isolation: %s\n    poll_ms: 50ms\n    flush_ms: 200ms\n    read_back_ms: 100ms\n"
             "    since_ms: 0ms\n    memory_max: 512MiB\n    files_max: 64\n"
             "    options: {folder: \"%s\"%s}\n",
             absolute ? "" : cwd, build ? build : "build", isolation, shop, more);
    stockaded_start(&engine, config);
    connect_rpc();
    ask("location.put", "{'source':'t','location':'main'}");
    ask("sku.put", "{'source':'t','sku':'S'}");
    ask("stock.receive", "{'source':'t','id':'r','sku':'S','location':'main','quantity':1000}");
    ask("sku.put", "{'source':'t','sku':'T'}");
    ask("stock.receive", "{'source':'t','id':'rt','sku':'T','location':'main','quantity':100000}");
}

static void finish(void)
{
    char command[300];
    test_rpc_close(&rpc);
    assert_int_equal(stockaded_end(&engine, SIGTERM), 0);
    stockaded_remove(&engine);
    snprintf(command, sizeof command, "rm -rf %s", shop);
    assert_int_equal(system(command), 0);
}

static void map_listing(void)
{
    ask("listing.put", "{'source':'t','channel':'shop','listing':'L1','components':[{'sku':'S'}]}");
}

/* The last value that left; -1: none. */
static long long pushed(void)
{
    FILE *file = fopen(shop_file("pushed"), "r");
    unsigned long long grant;
    long long value, last = -1;
    char name[65];
    while (file && fscanf(file, "%llu %64s %lld", &grant, name, &value) == 3)
        last = value;
    if (file)
        fclose(file);
    return last;
}

static void mode(const char *word)
{
    char path[220];
    snprintf(path, sizeof path, "%s", shop_file("mode.new"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(word, file);
    fclose(file);
    assert_int_equal(rename(path, shop_file("mode")), 0);
}

/* ---- what is right ---- */

static void good(const char *isolation)
{
    start(isolation, "");
    until(state_is("active"));
    map_listing();
    put_line("orders", "A-1 L1 3\nA-2 L1 4\n");
    until(held() == 7);
    usleep(600000);
    assert_int_equal(pushed(), -1); /* it only observes */
    put_line("listings", "L2 S 9\nL3 unknown 9\n");
    ask("channel.discover", "{'source':'t','channel':'shop'}");
    until(test_number(channel(), "discovered") == 2);
    ask("listing.get", "{'channel':'shop','listing':'L2'}");
    assert_string_equal(
        test_code(&(struct test_response){
            .error = test_rpc_ask(&rpc, "listing.get", "{'channel':'shop','listing':'L3'}").error}),
        "NOT_FOUND");
    ask("listing.delete", "{'source':'t','channel':'shop','listing':'L2'}");
    ask("channel.golive", "{'source':'t','channel':'shop','step':'full'}");
    until(pushed() == 993);
    until(published() && strcmp(test_text(published(), "state"), "observed") == 0);
    put_line("orders", "A-3 L1 3\n");
    until(held() == 10);
    ask("channel.pause", "{'source':'t','channel':'shop'}");
    usleep(300000);
    long long before = pushed();
    ask("stock.receive", "{'source':'t','id':'r2','sku':'S','location':'main','quantity':50}");
    usleep(600000);
    assert_int_equal(pushed(), before);
    ask("channel.resume", "{'source':'t','channel':'shop'}");
    until(pushed() == 1040);
    ask("channel.handback", "{'source':'t','channel':'shop'}");
    ask("stock.receive", "{'source':'t','id':'r3','sku':'S','location':'main','quantity':50}");
    usleep(600000);
    assert_int_equal(pushed(), 1040);
    assert_int_equal(test_number(channel(), "crashes"), 0);
    assert_int_equal(test_number(channel(), "unknown"), 0);
    finish();
}

static void good_in_process(void **state)
{
    (void)state;
    good("in_process");
}

static void good_in_a_child(void **state)
{
    (void)state;
    good("process");
}

static void wrong_options(void **state)
{
    (void)state;
    start("process", ", depth: 12");
    until(state_is("failed"));
    assert_non_null(strstr(test_text(channel(), "text"), "options.depth: must be 1 to 9, is 12"));
    finish();
}

/* ---- the engine is killed ---- */

static int is_open(void)
{
    const char *state = published() ? test_text(published(), "state") : "";
    return strcmp(state, "on_way") == 0 || strcmp(state, "unknown") == 0;
}

static void killed(void **state)
{
    int orders = 0;
    int64_t cycles = test_size("PLUGIN_KILLS", 5);
    (void)state;
    start("process", "");
    until(state_is("active"));
    map_listing();
    ask("channel.golive", "{'source':'t','channel':'shop','step':'full'}");
    until(pushed() == 1000);
    for (int64_t i = 0; i < cycles; i++) {
        for (int j = 0; j < 20; j++)
            put_line("orders", "K-%d L1 1\n", ++orders);
        usleep((useconds_t)(30000 + 37000 * (i % 7)));
        test_rpc_close(&rpc);
        assert_int_equal(stockaded_end(&engine, SIGKILL), -SIGKILL);
        stockaded_again(&engine);
        connect_rpc();
    }
    until(held() == orders);
    usleep(300000);
    assert_int_equal(held(), orders); /* nothing twice */
    ask("channel.resync", "{'source':'t','channel':'shop'}");
    ask("stock.receive", "{'source':'t','id':'last','sku':'S','location':'main','quantity':7}");
    /* it converges; a call that was cut off is known to be on its way or unknown, and is repeated
     * by a new grant when its time is over (minutes) */
    until(pushed() == 1007 - orders || is_open());
    finish();
}

/* ---- what is wrong ---- */

static void misbehaves(const char *word)
{
    char order[200];
    int64_t crashes = test_number(channel(), "crashes"), placed = held();
    static int orders;
    mode(word);
    int64_t end_us = test_now_us() + 30000000;
    while (test_number(channel(), "crashes") == crashes) {
        snprintf(order, sizeof order,
                 "{'source':'t','id':'o%d','lines':[{'sku':'T','quantity':1}]}", ++orders);
        ask("order.place", order); /* others are served */
        if (test_now_us() > end_us)
            fail_msg("%s: nothing was noticed", word);
        usleep(5000);
    }
    mode("good");
    until(state_is("active"));
    put_line("orders", "B-%s L1 1\n", word);
    until(held() == placed + 1);
}

static void bad_in_a_child(void **state)
{
    static const char *const words[] = {"segv", "abort", "exit", "leak"};
    static const char *const more[] = {"lie", "hang", "spin"};
    (void)state;
    start("process", "");
    until(state_is("active"));
    map_listing();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        misbehaves(words[i]);
    usleep(1000);
    finish();
    start("process", "");
    until(state_is("active"));
    map_listing();
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        misbehaves(more[i]);
    finish();
}

/* What is bounded does not even end it: open files, and more messages than there is room for. */
static void bounded_in_a_child(void **state)
{
    (void)state;
    start("process", "");
    until(state_is("active"));
    map_listing();
    mode("flood");
    usleep(500000);
    mode("fds");
    usleep(500000);
    mode("good");
    int64_t rss = stockaded_rss_bytes(&engine);
    assert_true(rss < 600 << 20);
    assert_true(stockaded_fds(&engine) < 100);
    ask("order.place", "{'source':'t','id':'x','lines':[{'sku':'S','quantity':1}]}");
    finish();
}

static void quarantine(void **state)
{
    (void)state;
    start("process", "");
    until(state_is("active"));
    map_listing();
    mode("exit");
    until(state_is("quarantined"));
    assert_int_equal(test_number(channel(), "crashes"), 5);
    assert_non_null(strstr(test_text(channel(), "text"), "channel.resync"));
    mode("good");
    usleep(2500000);
    assert_true(state_is("quarantined"));
    ask("channel.resync", "{'source':'t','channel':'shop'}");
    until(state_is("active"));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_in_process), cmocka_unit_test(good_in_a_child),
        cmocka_unit_test(wrong_options),   cmocka_unit_test(killed),
        cmocka_unit_test(bad_in_a_child),  cmocka_unit_test(bounded_in_a_child),
        cmocka_unit_test(quarantine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
