/* A daemon, a connection, calls by JSON: what the named races and the system tests are written in.
 * JSON may use single quotes. One thread. */
#ifndef TESTS_CRASH_SCENE_H
#define TESTS_CRASH_SCENE_H

#include "tests/crash/daemon.h"
#include "tests/crash/random.h"
#include "tests/crash/wire.h"

struct scene {
    struct daemon daemon;
    struct wire wire;
    struct wire_answer answer; /* of the last scene_call; valid until the next one */
    struct random random;
    unsigned passed, failed;
};

/* Start on an empty folder; exits with a failed case when that does not work. settings: the config,
 * or NULL. */
void scene_begin(struct scene *scene, const char *name, const char *settings);
/* Kill the daemon, start it again, connect. 0, or -1. */
int scene_restart(struct scene *scene);
/* Tells "N passed, N failed", removes all; the exit code. */
int scene_end(struct scene *scene);

/* 1 when the call was answered with a result; a connection that is gone ends the test. */
int scene_call(struct scene *scene, const char *verb, const char *json, ...)
    __attribute__((format(printf, 3, 4)));
/* As above, and it must be; tells what came otherwise and counts a failure. */
int scene_must(struct scene *scene, const char *verb, const char *json, ...)
    __attribute__((format(printf, 3, 4)));
/* The code of the last answer, "OK" for a result. */
const char *scene_code(const struct scene *scene);
/* A number of the last answer, INT64_MIN when it is not there. */
int64_t scene_int(const struct scene *scene, const char *key);
/* A location "main" and a SKU with so many units there. */
void scene_stock(struct scene *scene, const char *sku, int64_t units);
/* A number of sku.get. */
int64_t scene_sku(struct scene *scene, const char *sku, const char *key);

/* A case: told when it failed. Returns good. */
int scene_check(struct scene *scene, int good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Pack JSON as MessagePack; aborts when it is none. */
void scene_pack(msgpack_packer *packer, const char *json);

#endif
