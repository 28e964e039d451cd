/* R13: the n-th allocation fails. A start is refused with an exit code and a word, or goes on; a
 * request is refused or done, and done when it comes again; nothing crashes, and no more blocks are
 * in use at the end than without the fault. A flush of the journal that fails ends the daemon as
 * any failed flush does.
 *
 * ALLOC_FAULTS (default 30) is how many n are tried: of a start, spread over all its allocations;
 * of each handler, over a connection of its own, from 1 on until it makes no more; and from random
 * instants under the feed. */
#include "core/flow/verb.h"
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include "tests/crash/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_FATAL 75 /* a flush of the journal failed: it ends, and nothing was acknowledged */
#define FEED_MS    150
#define FED_FIRST  150 /* allocations of so long a feed, at least */

static struct run run;
static struct control *control;
static int64_t blocks; /* in use at the end of a sound run */

/* ---- beginning and ending --------------------------------------------------------------- */

static void begin_case(void)
{
    run.cases++;
    run.faults = run.feed.model.faults;
}

static int end_case(void)
{
    int bad = run.feed.model.faults != run.faults;
    run.failed += bad;
    return bad;
}

static void must_have_freed(const char *label)
{
    int64_t left = atomic_load(&control->in_use);
    if (left > blocks)
        model_fault(&run.feed.model, "%s: %lld blocks are in use at the end, %lld without it",
                    label, (long long)left, (long long)blocks);
}

/* An orderly end, and what is left of memory then. */
static void stop(const char *label)
{
    int status = daemon_stop(&run.daemon, 20000);
    if (status)
        model_fault(&run.feed.model, "%s: did not stop in order (%x)", label, (unsigned)status);
    else
        must_have_freed(label);
}

static void fail_next(uint64_t number)
{
    atomic_store(&control->alloc_fired, 0);
    atomic_store(&control->alloc_fail_at, atomic_load(&control->allocations) + number);
}

static void fail_none(void)
{
    atomic_store(&control->alloc_fail_at, 0);
}

static int start_sound(void)
{
    control_reset(control);
    if (!daemon_start(&run.daemon, RUN_START_MS, NULL))
        return 0;
    model_fault(&run.feed.model, "the daemon does not start");
    daemon_show(&run.daemon);
    return -1;
}

/* ---- starts ----------------------------------------------------------------------------- */

/* 1: refused. */
static int one_start(uint64_t number)
{
    char label[64];
    int status = 0, refused = 0;
    uint64_t printed = place_bytes_of(run.daemon.printed);
    snprintf(label, sizeof(label), "allocation %llu of the start", (unsigned long long)number);
    control_reset(control);
    atomic_store(&control->alloc_fail_at, number);
    if (!daemon_start(&run.daemon, RUN_START_MS, &status)) {
        fail_none();
        stop(label);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) {
        model_fault(&run.feed.model, "%s: ended with status %x", label, (unsigned)status);
    } else {
        refused = 1;
        if (place_bytes_of(run.daemon.printed) == printed)
            model_fault(&run.feed.model, "%s: refused without a word", label);
        must_have_freed(label);
    }
    return refused;
}

static void starts(uint64_t most)
{
    uint64_t refused = 0, tried = 0, total, step;
    begin_case();
    stop("a sound run");
    control_reset(control);
    if (start_sound())
        return;
    total = atomic_load(&control->allocations);
    blocks = INT64_MAX;
    stop("a sound run");
    blocks = atomic_load(&control->in_use);
    step = total / most + 1;
    for (uint64_t n = 1; n <= total; n += step, tried++)
        refused += (uint64_t)one_start(n);
    printf("starts: %llu of %llu allocations failed, %llu starts refused: %llu faults\n",
           (unsigned long long)tried, (unsigned long long)total, (unsigned long long)refused,
           (unsigned long long)(run.feed.model.faults - run.faults));
    if (!refused)
        model_fault(&run.feed.model, "no start was refused");
    end_case();
}

/* ---- handlers --------------------------------------------------------------------------- */

#define ID    "'source':'a','id':'x%1$u'"
#define LINES "'lines':[{'sku':'h0','quantity':1},{'sku':'h1','quantity':1}]"

enum { NOTHING, SKU, LISTING, ORDER, REVIEW, PAID, SHIPPED, SHORT, BEFORE };
static const struct before {
    const char *verb, *json;
} before[BEFORE] = {
    [SKU] = {"sku.put", "{'source':'a','sku':'d%1$u'}"},
    [LISTING] = {"listing.put", "{'source':'a','channel':'web','listing':'d%1$u',"
                                "'components':[{'sku':'h0'}]}"},
    [ORDER] = {"order.place", "{'source':'a','id':'o%1$u','ttl_ms':600000," LINES "}"},
    [REVIEW] = {"order.place", "{'source':'a','id':'o%1$u','ttl_ms':600000," LINES "}"},
    [PAID] = {"order.place", "{'source':'a','id':'o%1$u'," LINES "}"},
    [SHIPPED] = {"order.sell", "{'source':'a','id':'o%1$u','currency':'GBP'," LINES "}"},
    [SHORT] = {"order.place", "{'source':'a','id':'o%1$u','fact':true,"
                              "'lines':[{'sku':'short','quantity':3}]}"},
};

#define SLOW       1u /* not every n */
#define ANY_ANSWER 2u /* it may be refused without a fault */
static const struct call {
    const char *verb, *json;
    unsigned before;
    unsigned flags;
} calls[] = {
    {"sku.put",
     "{" ID ",'sku':'n%1$u','title':'a thing','barcodes':['b%1$u'],'aliases':['al%1$u'],"
     "'tags':['t1','t2'],'cost':100,'currency':'GBP'}",
     0, 0},
    {"sku.get", "{'sku':'h0'}", 0, 0},
    {"sku.delete", "{" ID ",'sku':'d%1$u'}", SKU, 0},
    {"sku.list", "{'limit':500}", 0, 0},
    {"location.put", "{" ID ",'location':'main','name':'the %1$u'}", 0, 0},
    {"location.get", "{'location':'main'}", 0, 0},
    {"location.list", "{}", 0, 0},
    {"listing.put",
     "{" ID ",'channel':'web','listing':'l%1$u',"
     "'components':[{'sku':'h0','units':2},{'sku':'h1'}]}",
     0, 0},
    {"listing.get", "{'channel':'web','listing':'kept'}", 0, 0},
    {"listing.delete", "{" ID ",'channel':'web','listing':'d%1$u'}", LISTING, 0},
    {"listing.list", "{'limit':500}", 0, 0},
    {"stock.get", "{'sku':'h0'}", 0, 0},
    {"stock.receive", "{" ID ",'sku':'h3','location':'main','quantity':5}", 0, 0},
    {"stock.adjust", "{" ID ",'sku':'h3','location':'main','kind':'found','quantity':1}", 0, 0},
    {"stock.count", "{" ID ",'sku':'h4','location':'main','quantity':100000}", 0, 0},
    {"stock.snapshot",
     "{" ID ",'snapshot':'s%1$u','location':'depot','total':2,"
     "'rows':[{'sku':'h5','quantity':10},{'sku':'h6','quantity':20}]}",
     0, 0},
    {"stock.transfer",
     "{" ID ",'transfer':'t%1$u','from':'main','to':'shop',"
     "'lines':[{'sku':'h7','quantity':1}]}",
     0, 0},
    {"stock.earmark", "{" ID ",'earmark':'e%1$u','sku':'h8','location':'main','quantity':1}", 0, 0},
    {"incoming.put", "{" ID ",'document':'d%1$u','sku':'h9','location':'main','quantity':5}", 0, 0},
    {"incoming.list", "{}", 0, 0},
    {"order.place", "{'source':'a','id':'o%1$u','ttl_ms':600000," LINES "}", 0, 0},
    {"order.pay", "{" ID ",'order':'o%1$u'}", ORDER, 0},
    {"order.ship", "{" ID ",'order':'o%1$u'}", PAID, 0},
    {"order.cancel", "{" ID ",'order':'o%1$u','reason':'as a test'}", ORDER, 0},
    {"order.return", "{" ID ",'order':'o%1$u'}", SHIPPED, 0},
    {"order.refund", "{" ID ",'order':'o%1$u','amount':100}", SHIPPED, 0},
    {"order.amend", "{" ID ",'order':'o%1$u','lines':[{'sku':'h2','quantity':1}]}", ORDER, 0},
    {"order.extend", "{" ID ",'order':'o%1$u','ttl_ms':900000}", ORDER, 0},
    {"order.review", "{" ID ",'order':'o%1$u'}", ORDER, 0},
    {"order.release", "{" ID ",'order':'o%1$u'}", REVIEW, 0},
    {"order.sell", "{'source':'a','id':'o%1$u'," LINES "}", 0, 0},
    {"order.get", "{'source':'a','order':'kept'}", 0, 0},
    {"order.get", "{'source':'a','order':'archived'}", 0, 0},
    {"order.list", "{'limit':500}", 0, 0},
    {"order.list", "{'archived':true}", 0, 0},
    {"shortfall.list", "{}", 0, 0},
    {"shortfall.resolve", "{" ID ",'order':'o%1$u','line':1,'action':'cancel'}", SHORT, 0},
    {"journal.read", "{'limit':1000}", 0, 0},
    {"backup.start", "{'target':'b%1$u'}", 0, SLOW},
    {"backup.verify", "{'target':'kept'}", 0, SLOW},
    {"status", "{}", 0, 0},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static struct wire wire = {.fd = -1};
static unsigned number_of_call;

/* 0: answered; -1: the connection was refused or cut. The connection is a new one. */
static int ask(const char *verb, const char *json, struct wire_answer *answer)
{
    char text[2048];
    msgpack_sbuffer params;
    msgpack_packer packer;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), json, number_of_call);
#pragma GCC diagnostic pop
    wire_close(&wire);
    if (wire_open(&wire, run.daemon.door))
        return -1;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    scene_pack(&packer, text);
    int result = wire_call(&wire, verb, &params, answer);
    msgpack_sbuffer_destroy(&params);
    return result;
}

/* Without a fault. 1: done. */
static int must(const char *verb, const char *json)
{
    struct wire_answer answer;
    char message[256] = "no connection";
    int result = ask(verb, json, &answer);
    if (!result && answer.ok)
        return 1;
    if (!result)
        wire_get_text(answer.body, "message", message, sizeof(message));
    model_fault(&run.feed.model, "%s %u: %s %s", verb, number_of_call, result ? "" : answer.code,
                message);
    return 0;
}

static void prepare(const struct call *call)
{
    const struct before *first = &before[call->before];
    number_of_call++;
    if (call->before)
        must(first->verb, first->json);
    if (call->before == REVIEW)
        must("order.review", "{'source':'a','id':'r%1$u','order':'o%1$u'}");
}

/* No answer came. 1: the daemon has ended. */
static int has_ended(const struct call *call, uint64_t number, uint64_t *exits)
{
    struct wire_answer answer;
    int status = 0;
    if (!ask("status", "{}", &answer) || !daemon_ended(&run.daemon, 1000, &status))
        return 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FATAL)
        model_fault(&run.feed.model, "%s, allocation %llu: the daemon ended with status %x",
                    call->verb, (unsigned long long)number, (unsigned)status);
    ++*exits;
    return 1;
}

/* 1: the n-th allocation of this call failed; 0: it makes fewer. */
static int one_call(const struct call *call, uint64_t number, uint64_t *refused, uint64_t *exits)
{
    struct wire_answer answer;
    prepare(call);
    fail_next(number);
    int result = ask(call->verb, call->json, &answer);
    int fired = (int)atomic_load(&control->alloc_fired);
    fail_none();
    if (result && has_ended(call, number, exits))
        return start_sound() ? 0 : fired;
    *refused += result || !answer.ok;
    if (call->flags & ANY_ANSWER)
        return fired;
    if ((result || !answer.ok) && !fired)
        model_fault(&run.feed.model, "%s: refused without a fault (%s)", call->verb,
                    result ? "no answer" : answer.code);
    if (result || !answer.ok)
        must(call->verb, call->json);
    return fired;
}

static void handler(const struct call *call, uint64_t most)
{
    uint64_t refused = 0, exits = 0, tried = 0;
    begin_case();
    for (uint64_t n = 1; n <= most && run.daemon.pid;
         n += 1 + (call->flags & SLOW) * n / 4, tried++)
        if (!one_call(call, n, &refused, &exits))
            break;
    printf("%-18s %4llu allocations failed, %3llu calls refused, %llu times the daemon ended: "
           "%llu faults\n",
           call->verb, (unsigned long long)tried, (unsigned long long)refused,
           (unsigned long long)exits, (unsigned long long)(run.feed.model.faults - run.faults));
    fflush(stdout);
    end_case();
}

static int is_among_calls(const char *verb)
{
    for (size_t i = 0; i < CALLS; i++)
        if (!strcmp(calls[i].verb, verb))
            return 1;
    return 0;
}

/* Verbs that are not among the calls are asked too, with what most of them know; they may refuse.
 */
static void others(uint64_t most)
{
    for (unsigned verb = 1; verb < STK_VERB_COUNT && run.daemon.pid; verb++) {
        struct call call = {stk_verb_by_number(verb)->name, "{'channel':'web'}", 0, ANY_ANSWER};
        if (!is_among_calls(call.verb))
            handler(&call, most);
    }
}

static void handlers(uint64_t most)
{
    begin_case();
    if (start_sound())
        return;
    must("sku.put", "{'source':'a','sku':'short'}");
    for (number_of_call = 0; number_of_call < 10; number_of_call++) {
        must("sku.put", "{'source':'a','sku':'h%1$u'}");
        must("stock.receive", "{" ID ",'sku':'h%1$u','location':'main','quantity':100000}");
    }
    must("listing.put",
         "{'source':'a','channel':'web','listing':'kept','components':[{'sku':'h0'}]}");
    must("order.sell", "{'source':'a','id':'archived'," LINES "}");
    must("order.place", "{'source':'a','id':'kept'," LINES "}");
    must("backup.start", "{'target':'kept'}");
    sleep(2); /* until it is in the archive */
    end_case();
    for (size_t i = 0; i < CALLS && run.daemon.pid; i++)
        handler(&calls[i], most);
    others(most);
    begin_case();
    wire_close(&wire);
    stop("after all handlers");
    end_case();
}

/* ---- under the feed --------------------------------------------------------------------- */

static void one_fed(uint64_t number)
{
    char label[64];
    int status = 0;
    snprintf(label, sizeof(label), "allocation %llu under the feed", (unsigned long long)number);
    run.faults = run.feed.model.faults;
    run.sent = 0;
    run.fed_ms = 0;
    daemon_kill(&run.daemon);
    if (!start_sound()) {
        fail_next(number);
        int gone = run_feed(&run, FEED_MS);
        fail_none();
        if (!gone || !daemon_ended(&run.daemon, 200, &status))
            status = daemon_stop(&run.daemon, 20000);
        if (!status)
            must_have_freed(label);
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FATAL)
            model_fault(&run.feed.model, "%s: ended with status %x", label, (unsigned)status);
        if (!atomic_load(&control->alloc_fired))
            printf("  %s: was not reached\n", label);
    }
    control_reset(control);
    run_check(&run, label);
}

static const char settings[] = "rpc:\n  listen: []\n"
                               "engine:\n  closed_keep: 1s\n  recovery_grace: 0s\n"
                               "journal:\n  segment_bytes: 32MiB\n  free_bytes_min: 64MiB\n"
                               "state:\n  map_bytes: 16MiB\n  fold_pause: 200ms\n"
                               "  run_keys: 20000\n  run_age: 5s\n";

int main(void)
{
    uint64_t most = (uint64_t)place_number("ALLOC_FAULTS", 30);
    most = most < 4 ? 4 : most;
    if (run_begin(&run, "alloc", settings, 0))
        return run_end(&run);
    run.feed.rate_per_s = 5000;
    run.feed.may_be_turned_away = 1;
    control = control_create(&run.daemon);
    starts(most);
    handlers(most);
    uint64_t fed = most / 4, step = fed < FED_FIRST ? FED_FIRST / fed : 1;
    for (uint64_t n = 1; n <= fed; n++)
        one_fed(n * step);
    daemon_set(&run.daemon, "LD_PRELOAD", NULL);
    if (run.daemon.pid)
        run_whole(&run);
    control_destroy(control);
    return run_end(&run);
}
