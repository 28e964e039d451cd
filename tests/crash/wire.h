/* A MessagePack-RPC client of our own, on msgpack-c: pipelined, never blocking unless asked to.
 * One thread per wire. */
#ifndef TESTS_CRASH_WIRE_H
#define TESTS_CRASH_WIRE_H

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    int fd; /* -1: closed */
    msgpack_sbuffer out;
    size_t out_at;
    uint8_t *in;
    size_t in_at, in_end, in_room;
    msgpack_unpacked unpacked; /* of the last answer */
};

/* An answer; `bytes` are error and result as they came, without the number of the message: what
 * every repeat must give again. Valid until the next call on this wire. */
struct wire_answer {
    uint32_t msgid;
    int ok;
    char code[24];              /* of the error */
    const msgpack_object *body; /* the result, or the error */
    const uint8_t *bytes;
    size_t size;
};

/* 0, or -1 with errno. `path` of a Unix socket, or "127.0.0.1:port". */
int wire_open(struct wire *wire, const char *path);
void wire_close(struct wire *wire);

/* params: the packed map of parameters. Only queued: wire_flush sends. */
void wire_send(struct wire *wire, uint32_t msgid, const char *verb, const void *params,
               size_t params_size);
/* Send what the socket takes: 0, or -1: the other side is gone. */
int wire_flush(struct wire *wire);
size_t wire_unsent(const struct wire *wire);
/* Read what is there: 0, or -1: the other side is gone (what came before is still to be taken). */
int wire_fill(struct wire *wire);
/* 1 an answer, 0 none yet, -1 what came is no answer. */
int wire_take(struct wire *wire, struct wire_answer *answer);

/* Wait for the answer to this one request; nothing else may be under way. 0, or -1. */
int wire_call(struct wire *wire, const char *verb, const msgpack_sbuffer *params,
              struct wire_answer *answer);
/* So long does wire_call wait (default 30 s). */
extern int wire_timeout_ms;

/* Many requests, at most `window` under way: make fills params for request i and names its verb;
 * got sees each answer (in any order, numbered by msgid = i). 0, or -1. */
typedef const char *(*wire_make_fn)(void *arg, uint32_t i, msgpack_packer *params);
typedef void (*wire_got_fn)(void *arg, uint32_t i, const struct wire_answer *answer);
int wire_many(struct wire *wire, uint32_t count, uint32_t window, wire_make_fn make,
              wire_got_fn got, void *arg);

/* Writing parameters. */
void wire_key(msgpack_packer *packer, const char *key);
void wire_text(msgpack_packer *packer, const char *text);
void wire_put_text(msgpack_packer *packer, const char *key, const char *text);
void wire_put_int(msgpack_packer *packer, const char *key, int64_t value);
void wire_put_true(msgpack_packer *packer, const char *key);

/* Reading answers: NULL or what stands in for it when the key is not there. */
const msgpack_object *wire_get(const msgpack_object *map, const char *key);
int64_t wire_get_int(const msgpack_object *map, const char *key, int64_t otherwise);
/* 1 when the value is this text. */
int wire_is_text(const msgpack_object *map, const char *key, const char *text);
void wire_get_text(const msgpack_object *map, const char *key, char *out, size_t size);

uint64_t wire_hash(const void *data, size_t size);

#endif
