/* Depth first, by recursion over copies of the world. A state is known by 64 bits of its hash, in a
 * table that doubles: of 30 million states two fall together with a chance of 1 in 40,000. */
#include "tests/promise/search.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "tests/promise/key.h"
#include <stdlib.h>

struct known {
    uint64_t *slot; /* 0 = free */
    uint64_t size;  /* a power of two */
    uint64_t count;
};

struct search {
    const struct setup *setup;
    struct known known;
    struct result *result;
    int wrong, exact;
};

static int known_put(struct known *k, uint64_t hash)
{
    uint64_t at = hash & (k->size - 1);
    while (k->slot[at] && k->slot[at] != hash)
        at = (at + 1) & (k->size - 1);
    if (k->slot[at] == hash)
        return 0;
    k->slot[at] = hash;
    k->count++;
    return 1;
}

static void known_grow(struct known *k)
{
    struct known more = {.size = k->size ? k->size * 2 : 1u << 16};
    more.slot = calloc(more.size, sizeof *more.slot);
    stk_assert(more.slot);
    for (uint64_t i = 0; i < k->size; i++)
        if (k->slot[i])
            known_put(&more, k->slot[i]);
    free(k->slot);
    *k = more;
}

static int is_new(struct search *s, const struct world *w)
{
    struct known *k = &s->known;
    uint8_t key[KEY_MAX];
    uint64_t hash =
        s->exact ? stk_hash64(w, sizeof *w, 0) : stk_hash64(key, key_of(s->setup, w, key), 0);
    if (k->count * 2 >= k->size)
        known_grow(k);
    return known_put(k, hash ? hash : 1);
}

/* 1 when something was found below. */
static int visit(struct search *s, const struct world *w, unsigned depth)
{
    struct step steps[STEPS_MAX];
    unsigned count = model_steps(s->setup, w, steps);
    stk_assert(depth < DEPTH_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct world next = *w;
        enum outcome outcome = model_take(s->setup, &next, steps[i]);
        s->result->way[depth] = steps[i];
        if (outcome != GOES_ON && (!s->wrong || outcome == SHORTFALL)) {
            s->result->outcome = outcome;
            s->result->length = depth + 1;
            return 1;
        }
        if (is_new(s, &next) && visit(s, &next, depth + 1))
            return 1;
    }
    return 0;
}

void search(const struct setup *setup, int wrong, struct result *result)
{
    struct search s = {
        .setup = setup, .result = result, .wrong = wrong, .exact = getenv("PROMISE_EXACT") != NULL};
    struct world first;
    *result = (struct result){.outcome = GOES_ON};
    model_begin(setup, &first);
    is_new(&s, &first);
    visit(&s, &first, 0);
    result->states = s.known.count;
    free(s.known.slot);
}
