/* Words to numbers: a hash table that only grows. One thread. */
#ifndef STK_STOCKADE_MAP_H
#define STK_STOCKADE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* NULL: free */
    uint32_t size;
    uint32_t hash;
    uint64_t value;
};
/* Starts as {0}. */
struct map {
    struct map_entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
};
/* The value of the key, 0 when it is new; lent until the next map_at. *is_new may be NULL. */
uint64_t *map_at(struct map *map, const char *key, size_t size, int *is_new);
/* NULL when it is not there. */
uint64_t *map_find(const struct map *map, const char *key, size_t size);
void map_fini(struct map *map);

#endif
