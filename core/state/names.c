/* Words by number: an array per kind, and one index over all of them for the way back.
 *
 * Always true: a word with a size is complete and never changes; its index entry comes after it.
 * The engine thread writes; find and text are for any thread. */
#include "core/state/names.h"
#include "core/base/hash.h"
#include "core/state/index.h"
#include <string.h>

#define NUMBERS STK_SOURCES_MAX
_Static_assert(STK_CHANNELS_MAX <= NUMBERS, "one array shape for every kind");

struct word {
    _Atomic uint8_t size; /* 0 = free; stored last */
    char text[STK_ID_MAX];
};

struct stk_names {
    struct stk_index index; /* kind and text to kind << 16 | number */
    uint16_t last[STK_NAME_KINDS];
    struct word word[STK_NAME_KINDS][NUMBERS];
};

static int known_kind(enum stk_name_kind kind)
{
    return kind >= STK_NAME_SOURCE && kind < STK_NAME_KINDS;
}

enum stk_status stk_names_create(struct stk_names **out, struct stk_error *err)
{
    enum stk_status status;
    struct stk_names *names = stk_alloc(sizeof *names);
    *out = NULL;
    if (!names)
        return stk_error_set(err, STK_NO_MEMORY, "names: no memory");
    status = stk_index_init(&names->index, STK_NAME_KINDS * NUMBERS, err);
    if (status != STK_OK) {
        stk_free(names);
        return status;
    }
    *out = names;
    return STK_OK;
}

void stk_names_destroy(struct stk_names *names)
{
    if (!names)
        return;
    stk_index_fini(&names->index);
    stk_free(names);
}

struct stk_bytes stk_names_text(const struct stk_names *names, enum stk_name_kind kind,
                                uint16_t number)
{
    const struct word *word;
    uint8_t size;
    if (!known_kind(kind) || number >= NUMBERS)
        return (struct stk_bytes){0};
    word = &names->word[kind][number];
    /* acquire: pairs with the release in put; the text is complete when it has a size */
    size = atomic_load_explicit(&word->size, memory_order_acquire);
    return (struct stk_bytes){size ? word->text : NULL, size};
}

static uint16_t find_once(const struct stk_names *names, enum stk_name_kind kind,
                          struct stk_bytes text, uint64_t hash)
{
    uint64_t cursor = 0;
    uint32_t value;
    while ((value = stk_index_next(&names->index, hash, &cursor)) != STK_NONE) {
        struct stk_bytes found = stk_names_text(names, kind, (uint16_t)value);
        if (value >> 16 == kind && found.size == text.size &&
            memcmp(found.data, text.data, text.size) == 0)
            return (uint16_t)value;
    }
    return 0;
}

uint16_t stk_names_find(const struct stk_names *names, enum stk_name_kind kind,
                        struct stk_bytes text)
{
    if (!known_kind(kind) || text.size == 0)
        return 0;
    /* nothing is ever removed, so that one look is enough on any thread */
    return find_once(names, kind, text, stk_hash64(text.data, text.size, (uint64_t)kind));
}

uint16_t stk_names_peek(const struct stk_names *names, enum stk_name_kind kind)
{
    stk_assert(known_kind(kind));
    return names->last[kind] < stk_names_max(kind) ? names->last[kind] + 1 : 0;
}

void stk_names_put(struct stk_names *names, enum stk_name_kind kind, uint16_t number,
                   struct stk_bytes text)
{
    struct word *word;
    uint16_t known = stk_names_find(names, kind, text);
    stk_assert(known_kind(kind) && number >= 1 && number <= stk_names_max(kind));
    stk_assert(text.size >= 1 && text.size <= STK_ID_MAX);
    word = &names->word[kind][number];
    if (known == number)
        return;
    stk_assert(known == 0 && word->size == 0);
    memcpy(word->text, text.data, text.size);
    /* release: pairs with the acquire in text */
    atomic_store_explicit(&word->size, (uint8_t)text.size, memory_order_release);
    stk_assert(stk_index_insert(&names->index, stk_hash64(text.data, text.size, (uint64_t)kind),
                                (uint32_t)kind << 16 | number) == STK_OK);
    if (number > names->last[kind])
        names->last[kind] = number;
}
