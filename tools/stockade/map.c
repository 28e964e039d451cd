/* Open addressing with linear steps, at most two thirds full. */
#include "tools/stockade/map.h"
#include "core/base/hash.h"
#include "tools/stockade/buffer.h"
#include <stdlib.h>
#include <string.h>

#define SEED 0x6d6170

static struct map_entry *probe(const struct map *map, const char *key, size_t size, uint32_t hash)
{
    size_t at = hash & (map->capacity - 1);
    for (;; at = (at + 1) & (map->capacity - 1)) {
        struct map_entry *entry = &map->entries[at];
        if (!entry->key ||
            (entry->hash == hash && entry->size == size && !memcmp(entry->key, key, size)))
            return entry;
    }
}

static void grow(struct map *map)
{
    struct map bigger = {.capacity = map->capacity ? map->capacity * 2 : 64, .count = map->count};
    bigger.entries = must_alloc(bigger.capacity * sizeof(*bigger.entries));
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].key)
            *probe(&bigger, map->entries[i].key, map->entries[i].size, map->entries[i].hash) =
                map->entries[i];
    free(map->entries);
    *map = bigger;
}

uint64_t *map_at(struct map *map, const char *key, size_t size, int *is_new)
{
    uint32_t hash = (uint32_t)stk_hash64(key, size, SEED);
    if (3 * (map->count + 1) > 2 * map->capacity)
        grow(map);
    struct map_entry *entry = probe(map, key, size, hash);
    if (is_new)
        *is_new = !entry->key;
    if (!entry->key) {
        *entry = (struct map_entry){must_copy(key, size), (uint32_t)size, hash, 0};
        map->count++;
    }
    return &entry->value;
}

uint64_t *map_find(const struct map *map, const char *key, size_t size)
{
    if (!map->capacity)
        return NULL;
    struct map_entry *entry = probe(map, key, size, (uint32_t)stk_hash64(key, size, SEED));
    return entry->key ? &entry->value : NULL;
}

void map_fini(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->entries[i].key);
    free(map->entries);
    *map = (struct map){0};
}
