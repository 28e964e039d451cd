/* Who did it stands in the records, by a name that stays. */
#include "core/flow/principal.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static unsigned asked;

static const char *name_of(void *arg, uint32_t who)
{
    static char text[32];
    asked++;
    if (who >= 100000)
        return NULL;
    snprintf(text, sizeof text, "%s %u", (const char *)arg, who);
    return text;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    f->options.principal = name_of;
    f->options.principal_arg = "token";
    fixture_start(f);
    asked = 0;
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

struct last {
    stk_seq_t seq;
    uint32_t who;
};

static enum stk_status look(void *arg, const struct stk_batch_view *batch, struct stk_error *err)
{
    struct last *last = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes bytes;
    for (stk_seq_t seq = view.first; stk_batch_next(&view, &bytes); seq++) {
        struct stk_record_view record;
        enum stk_status status = stk_record_open(bytes, seq, view.time_ms, &record, err);
        if (status != STK_OK)
            return status;
        *last = (struct last){seq, record.who};
    }
    return STK_OK;
}

/* The name that the last record says. */
static const char *who_did_it(struct fixture *f)
{
    static char text[STK_ID_MAX + 1];
    struct last last = {0, 0};
    struct stk_error err = {0};
    const struct stk_log *log = &f->options.log;
    assert_int_equal(log->read(log->self, 1, look, &last, &err), STK_OK);
    assert_int_equal(last.seq, stk_engine_state(f->engine)->seq);
    struct stk_bytes name =
        stk_names_text(stk_engine_state(f->engine)->names, STK_NAME_PRINCIPAL, (uint16_t)last.who);
    snprintf(text, sizeof text, "%.*s", (int)name.size, name.data);
    return last.who ? text : "nobody";
}

static void test_a_record_names_who_did_it(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(who_did_it(f), "nobody");
    f->who = 7;
    CALL(OK, "stock.receive", "{'source':'t','id':'1','sku':'A','location':'main','quantity':1}");
    assert_string_equal(who_did_it(f), "token 7");
    f->who = 7 + STK_PRINCIPALS_KEPT;
    CALL(SHORT, "order.place", "{'source':'t','id':'2','lines':[{'sku':'A','quantity':9}]}");
    assert_string_equal(who_did_it(f), "token 71"); /* a refusal that is remembered, too */
    f->who = 7;
    for (int i = 0; i < 10; i++)
        CALL(OK, "stock.receive",
             "{'source':'t','id':'x%d','sku':'A','location':'main','quantity':1}", i);
    assert_string_equal(who_did_it(f), "token 7");
    assert_in_range(asked, 3, 7); /* not for each command */
    f->who = 100001;
    CALL(OK, "stock.receive", "{'source':'t','id':'3','sku':'A','location':'main','quantity':1}");
    assert_string_equal(who_did_it(f), "principal 100001"); /* a door without names */
    f->who = 0;
    CALL(OK, "stock.receive", "{'source':'t','id':'4','sku':'A','location':'main','quantity':1}");
    assert_string_equal(who_did_it(f), "nobody");
    fixture_restart(f);
    f->who = 7;
    CALL(OK, "stock.receive", "{'source':'t','id':'5','sku':'A','location':'main','quantity':1}");
    assert_string_equal(who_did_it(f), "token 7");
    fixture_restart(f);
}

static void test_there_are_so_many_names(void **state)
{
    struct fixture *f = *state;
    for (uint32_t who = 1; who < STK_SOURCES_MAX; who++) {
        f->who = who;
        CALL(OK, "sku.put", "{'source':'t','sku':'A','title':'%u'}", who);
    }
    f->who = STK_SOURCES_MAX;
    CALL(FULL, "sku.put", "{'source':'t','sku':'A','title':'more'}");
    assert_true(fixture_is(f, "message", "too many different names of tokens"));
    f->who = 1;
    CALL(OK, "sku.put", "{'source':'t','sku':'A','title':'known'}");
    assert_string_equal(who_did_it(f), "token 1");
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_record_names_who_did_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_are_so_many_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
