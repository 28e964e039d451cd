/* Requests gather in a buffer and are sent 1,024 at a time; all their answers are taken before the
 * next ones, so that neither side ever waits for the other with a full socket. One thread. */
#include "bench/rpc.h"
#include "bench/scratch.h"
#include "bench/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW     1024
#define OUT_BYTES  (1u << 20)
#define IN_BYTES   (4u << 20)
#define VALUES_MAX 65536
#define WAIT_MS    30000

struct bench_rpc {
    int fd;
    uint32_t pending; /* requests without their answer */
    struct stk_doc doc;
    uint32_t in_size;
    int bad;
    void (*seen)(void *arg, const struct stk_value *result);
    void *arg;
    const struct stk_value *last;
    uint8_t out[OUT_BYTES], in[IN_BYTES];
    struct stk_value values[VALUES_MAX];
};

struct bench_rpc *bench_rpc_create(int fd)
{
    struct bench_rpc *rpc = calloc(1, sizeof(*rpc));
    if (!rpc)
        return NULL;
    rpc->fd = fd;
    rpc->doc = stk_doc(rpc->out, OUT_BYTES);
    return rpc;
}

void bench_rpc_destroy(struct bench_rpc *rpc)
{
    if (rpc)
        close(rpc->fd);
    free(rpc);
}

void bench_rpc_on_result(struct bench_rpc *rpc,
                         void (*seen)(void *arg, const struct stk_value *result), void *arg)
{
    rpc->seen = seen;
    rpc->arg = arg;
}

static int complain(struct bench_rpc *rpc, const char *text, int size)
{
    if (!rpc->bad)
        fprintf(stderr, "stockade-bench: stockade: %.*s\n", size, text);
    rpc->bad = 1;
    return 0;
}

static int wait_for(struct bench_rpc *rpc, short events)
{
    struct pollfd one = {.fd = rpc->fd, .events = events};
    for (int waited = 0; waited < WAIT_MS && !bench_stopping(); waited += 100)
        if (poll(&one, 1, 100) > 0)
            return 1;
    return bench_stopping() ? (rpc->bad = 1, 0) : complain(rpc, "no answer in 30 s", 17);
}

static int send_all(struct bench_rpc *rpc)
{
    uint32_t at = 0;
    while (at < rpc->doc.size && !rpc->bad) {
        ssize_t done = write(rpc->fd, rpc->out + at, rpc->doc.size - at);
        if (done > 0)
            at += (uint32_t)done;
        else if (errno != EAGAIN)
            return complain(rpc, strerror(errno), 60);
        else
            wait_for(rpc, POLLOUT);
    }
    rpc->doc.size = 0;
    return !rpc->bad;
}

/* One whole answer: [1, msgid, error, result]. */
static int look(struct bench_rpc *rpc, const uint8_t *data, uint32_t size)
{
    struct stk_parse parse;
    if (stk_doc_parse(data, size, IN_BYTES, 16, rpc->values, VALUES_MAX, &parse) != STK_OK ||
        parse.root->type != STK_VALUE_ARRAY || parse.root->size != 4)
        return complain(rpc, "not an answer", 13);
    const struct stk_value *error = &parse.root->as.items[2];
    rpc->last = &parse.root->as.items[3];
    rpc->pending--;
    if (error->type != STK_VALUE_NIL) {
        const struct stk_value *message = stk_value_get(error, "message");
        if (message && message->type == STK_VALUE_STR)
            return complain(rpc, message->as.text, (int)message->size);
        return complain(rpc, "refused", 7);
    }
    if (rpc->seen)
        rpc->seen(rpc->arg, rpc->last);
    return 1;
}

static int take_answers(struct bench_rpc *rpc)
{
    if (!wait_for(rpc, POLLIN))
        return 0;
    ssize_t got = read(rpc->fd, rpc->in + rpc->in_size, IN_BYTES - rpc->in_size);
    if (got <= 0)
        return complain(rpc, "the connection was closed", 25);
    rpc->in_size += (uint32_t)got;
    uint32_t at = 0, used = 0;
    while (at < rpc->in_size && (used = bench_rpc_skip(rpc->in + at, rpc->in_size - at)) != 0) {
        if (used == BENCH_SCAN_BAD)
            return complain(rpc, "not MessagePack", 15);
        if (!look(rpc, rpc->in + at, used))
            return 0;
        at += used;
    }
    /* the last answer stays readable where it lies until the next call */
    if (at < rpc->in_size || rpc->pending)
        memmove(rpc->in, rpc->in + at, rpc->in_size - at);
    rpc->in_size -= at;
    return 1;
}

int bench_rpc_drain(struct bench_rpc *rpc)
{
    if (!send_all(rpc))
        return 0;
    while (rpc->pending)
        if (!take_answers(rpc))
            return 0;
    return 1;
}

struct stk_doc *bench_rpc_begin(struct bench_rpc *rpc, const char *verb)
{
    stk_doc_array(&rpc->doc, 4);
    stk_doc_int(&rpc->doc, 0);
    stk_doc_uint(&rpc->doc, rpc->pending);
    stk_doc_text(&rpc->doc, verb);
    stk_doc_array(&rpc->doc, 1);
    return &rpc->doc;
}

int bench_rpc_finish(struct bench_rpc *rpc)
{
    return ++rpc->pending < WINDOW ? !rpc->bad : bench_rpc_drain(rpc);
}

const struct stk_value *bench_rpc_ask(struct bench_rpc *rpc, const char *verb)
{
    stk_doc_map(bench_rpc_begin(rpc, verb), 0);
    return bench_rpc_finish(rpc) && bench_rpc_drain(rpc) ? rpc->last : NULL;
}

static const struct stk_value *step(const struct stk_value *value, const char *name)
{
    if (value->type != STK_VALUE_ARRAY)
        return stk_value_get(value, name);
    unsigned long at = strtoul(name, NULL, 10);
    return at < value->size ? &value->as.items[at] : NULL;
}

int bench_value_at(const struct stk_value *value, const char *path, int64_t *out)
{
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok_r(copy, ".", &rest); name && value; name = strtok_r(NULL, ".", &rest))
        value = step(value, name);
    if (!value || value->type != STK_VALUE_INT)
        return 0;
    *out = value->as.integer;
    return 1;
}
