/* A small writer of parameter trees (struct stk_value), as a door's parser makes them: what a
 * channel sends to the engine is decoded by the same code as anybody's call. Texts are lent. No
 * allocation; after an overflow `overflow` is 1 and the tree is of no use. */
#ifndef STK_PLUG_TREE_H
#define STK_PLUG_TREE_H

#include "core/base/doc.h"
#include <string.h>

struct stk_tree {
    struct stk_value *values;
    uint32_t max, used;
    uint32_t bytes; /* of all texts: for stk_command_bound */
    int overflow;
};

static inline struct stk_tree stk_tree(struct stk_value *values, uint32_t max)
{
    return (struct stk_tree){values, max, 0, 0, 0};
}

/* A map that may get up to `pairs` pairs, or a list of `pairs` / 2 items. */
struct stk_twig {
    struct stk_tree *tree;
    struct stk_value *items;
    uint32_t size, max;
};
static inline struct stk_twig stk_twig(struct stk_tree *tree, uint32_t max)
{
    struct stk_twig twig = {tree, tree->values + tree->used, 0, max};
    if (tree->overflow || max > tree->max - tree->used) {
        tree->overflow = 1;
        twig.max = 0;
    } else {
        tree->used += max;
    }
    return twig;
}
static inline struct stk_twig stk_twig_map(struct stk_tree *tree, uint32_t pairs)
{
    return stk_twig(tree, 2 * pairs);
}

static inline void stk_twig_add(struct stk_twig *twig, struct stk_value value)
{
    if (twig->size == twig->max)
        twig->tree->overflow = 1;
    else
        twig->items[twig->size++] = value;
}
static inline struct stk_value stk_value_of_text(struct stk_bytes text)
{
    struct stk_value value = {.type = STK_VALUE_STR, .size = text.size};
    value.as.text = text.data;
    return value;
}
static inline struct stk_value stk_value_of_int(int64_t number)
{
    struct stk_value value = {.type = STK_VALUE_INT};
    value.as.integer = number;
    return value;
}
static inline struct stk_value stk_value_of_twig(const struct stk_twig *twig, int is_map)
{
    struct stk_value value = {.type = is_map ? STK_VALUE_MAP : STK_VALUE_ARRAY,
                              .size = is_map ? twig->size / 2 : twig->size};
    value.as.items = twig->items;
    return value;
}

/* Pairs of a map. An absent text (size 0) adds nothing. */
static inline void stk_twig_key(struct stk_twig *map, const char *key, struct stk_value value)
{
    stk_twig_add(map, stk_value_of_text((struct stk_bytes){key, (uint32_t)strlen(key)}));
    stk_twig_add(map, value);
}
static inline void stk_twig_str(struct stk_twig *map, const char *key, struct stk_bytes text)
{
    map->tree->bytes += text.size;
    if (text.size)
        stk_twig_key(map, key, stk_value_of_text(text));
}
static inline void stk_twig_text(struct stk_twig *map, const char *key, const char *text)
{
    stk_twig_str(map, key, (struct stk_bytes){text, (uint32_t)strlen(text)});
}
static inline void stk_twig_int(struct stk_twig *map, const char *key, int64_t number)
{
    stk_twig_key(map, key, stk_value_of_int(number));
}
static inline void stk_twig_bool(struct stk_twig *map, const char *key, int flag)
{
    struct stk_value value = {.type = STK_VALUE_BOOL};
    value.as.boolean = flag;
    stk_twig_key(map, key, value);
}
static inline void stk_twig_map_at(struct stk_twig *map, const char *key,
                                   const struct stk_twig *inner)
{
    stk_twig_key(map, key, stk_value_of_twig(inner, 1));
}
static inline void stk_twig_list_at(struct stk_twig *map, const char *key,
                                    const struct stk_twig *inner)
{
    stk_twig_key(map, key, stk_value_of_twig(inner, 0));
}

#endif
