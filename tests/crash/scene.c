/* Scenes: small and slow calls around what a test really does. */
#include "tests/crash/scene.h"
#include "tests/crash/place.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS  30000
#define JSON_SIZE 65536

static const char quiet[] = "rpc:\n  listen: []\n";

static void pack_value(msgpack_packer *packer, json_t *value)
{
    const char *key;
    json_t *item;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        msgpack_pack_map(packer, json_object_size(value));
        json_object_foreach(value, key, item)
        {
            wire_key(packer, key);
            pack_value(packer, item);
        }
        break;
    case JSON_ARRAY:
        msgpack_pack_array(packer, json_array_size(value));
        json_array_foreach(value, index, item) pack_value(packer, item);
        break;
    case JSON_STRING:
        wire_text(packer, json_string_value(value));
        break;
    case JSON_INTEGER:
        msgpack_pack_int64(packer, json_integer_value(value));
        break;
    case JSON_REAL:
        msgpack_pack_double(packer, json_real_value(value));
        break;
    case JSON_TRUE:
        msgpack_pack_true(packer);
        break;
    case JSON_FALSE:
        msgpack_pack_false(packer);
        break;
    default:
        msgpack_pack_nil(packer);
    }
}

void scene_pack(msgpack_packer *packer, const char *json)
{
    char text[JSON_SIZE];
    json_error_t error;
    snprintf(text, sizeof(text), "%s", json);
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *root = json_loads(text, 0, &error);
    if (!root) {
        fprintf(stderr, "scene: %s: %s\n", error.text, text);
        abort();
    }
    pack_value(packer, root);
    json_decref(root);
}

static void call(struct scene *scene, const char *verb, const char *json, va_list list)
{
    char text[JSON_SIZE];
    msgpack_sbuffer params;
    msgpack_packer packer;
    vsnprintf(text, sizeof(text), json, list);
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    scene_pack(&packer, text);
    int result = wire_call(&scene->wire, verb, &params, &scene->answer);
    msgpack_sbuffer_destroy(&params);
    if (!result)
        return;
    printf("FAILED: %s %s: the connection is gone\n", verb, text);
    scene->failed++;
    daemon_show(&scene->daemon);
    exit(scene_end(scene));
}

int scene_call(struct scene *scene, const char *verb, const char *json, ...)
{
    va_list list;
    va_start(list, json);
    call(scene, verb, json, list);
    va_end(list);
    return scene->answer.ok;
}

int scene_must(struct scene *scene, const char *verb, const char *json, ...)
{
    va_list list;
    char message[256];
    va_start(list, json);
    call(scene, verb, json, list);
    va_end(list);
    if (scene->answer.ok)
        return 1;
    wire_get_text(scene->answer.body, "message", message, sizeof(message));
    return scene_check(scene, 0, "%s %s: %s %s", verb, json, scene->answer.code, message);
}

const char *scene_code(const struct scene *scene)
{
    return scene->answer.ok ? "OK" : scene->answer.code;
}

int64_t scene_int(const struct scene *scene, const char *key)
{
    return wire_get_int(scene->answer.body, key, INT64_MIN);
}

int64_t scene_sku(struct scene *scene, const char *sku, const char *key)
{
    scene_call(scene, "sku.get", "{'sku':'%s'}", sku);
    return scene_int(scene, key);
}

void scene_stock(struct scene *scene, const char *sku, int64_t units)
{
    scene_must(scene, "location.put", "{'source':'scene','location':'main'}");
    scene_must(scene, "sku.put", "{'source':'scene','sku':'%s'}", sku);
    if (units)
        scene_must(scene, "stock.receive",
                   "{'source':'scene','id':'open-%s','sku':'%s','location':'main','quantity':%lld}",
                   sku, sku, (long long)units);
}

int scene_check(struct scene *scene, int good, const char *format, ...)
{
    va_list list;
    if (good) {
        scene->passed++;
        return 1;
    }
    if (scene->failed++ < 20) {
        printf("FAILED: ");
        va_start(list, format);
        vprintf(format, list);
        va_end(list);
        printf("\n");
    }
    return 0;
}

static int connect_to(struct scene *scene)
{
    if (!daemon_start(&scene->daemon, START_MS, NULL) &&
        !wire_open(&scene->wire, scene->daemon.door))
        return 0;
    printf("FAILED: the daemon does not start\n");
    daemon_show(&scene->daemon);
    return -1;
}

void scene_begin(struct scene *scene, const char *name, const char *settings)
{
    memset(scene, 0, sizeof(*scene));
    scene->wire.fd = -1;
    scene->random = random_seed((uint64_t)place_number("SCENE_SEED", 1));
    daemon_init(&scene->daemon, place_folder(name, 0, 0), settings ? settings : quiet);
    if (connect_to(scene)) {
        scene->failed++;
        exit(scene_end(scene));
    }
}

int scene_restart(struct scene *scene)
{
    wire_close(&scene->wire);
    daemon_kill(&scene->daemon);
    return connect_to(scene);
}

int scene_end(struct scene *scene)
{
    wire_close(&scene->wire);
    daemon_fini(&scene->daemon);
    printf("%u passed, %u failed\n", scene->passed, scene->failed);
    return scene->failed != 0;
}
