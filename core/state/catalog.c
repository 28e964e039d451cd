/* SKUs, cells, listings, and their names.
 *
 * Always true: a thing is complete before an index entry or a link leads to it, and what leads to
 * it goes before the thing; slots and texts of removed things are not used again before a restart,
 * so that a reader on another thread at worst sees something that has just gone. The engine thread
 * writes; the find functions are for any thread. */
#include "core/state/catalog.h"
#include "core/base/hash.h"
#include <string.h>

#define NAME_SEED    UINT64_C(0x736b75)
#define LISTING_SEED UINT64_C(0x6c697374) /* + channel */
#define ID_BYTES     (STK_ID_MAX + 1u)
#define NAMES_MAX    0x80000000u /* SKUs and aliases together */

/* --- texts --- */

/* Empty for the ids of slots where nothing lives. */
static struct stk_bytes packed(const struct stk_catalog *catalog, uint32_t at)
{
    if (at == 0 || at == STK_ID_GONE)
        return (struct stk_bytes){0};
    const char *text = catalog->ids + at;
    return (struct stk_bytes){text + 1, (uint8_t)*text};
}

static int same(struct stk_bytes a, struct stk_bytes b)
{
    return a.size == b.size && a.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Room was checked by ids_fit. */
static uint32_t pack(struct stk_catalog *catalog, struct stk_bytes text)
{
    uint32_t at = (uint32_t)catalog->ids_top;
    stk_assert(text.size >= 1 && text.size <= STK_ID_MAX);
    catalog->ids[at] = (char)text.size;
    memcpy(catalog->ids + at + 1, text.data, text.size);
    catalog->ids_top += 1 + text.size;
    return at;
}

static int ids_fit(const struct stk_catalog *catalog, uint32_t count)
{
    return catalog->ids_bytes - catalog->ids_top >= (uint64_t)count * ID_BYTES;
}

static enum stk_status full(struct stk_error *err, const char *name, uint64_t capacity)
{
    return stk_error_set(err, STK_FULL, "capacity %s (%llu) is used up", name,
                         (unsigned long long)capacity);
}

/* --- create, destroy --- */

static enum stk_status init_pools(struct stk_catalog *catalog,
                                  const struct stk_catalog_capacity *capacity,
                                  struct stk_error *err)
{
    struct {
        struct stk_pool *pool;
        size_t size;
        uint32_t capacity;
    } pools[] = {
        {&catalog->skus, sizeof(struct stk_sku), capacity->skus},
        {&catalog->sku_more, sizeof(struct stk_sku_more), capacity->skus},
        {&catalog->cells, sizeof(struct stk_cell), capacity->cells},
        {&catalog->cell_more, sizeof(struct stk_cell_more), capacity->cells},
        {&catalog->cell_counted, sizeof(stk_time_t), capacity->cells},
        /* one more, because 0 means none */
        {&catalog->aliases, sizeof(struct stk_alias), capacity->aliases + 1},
        {&catalog->listings, sizeof(struct stk_listing), capacity->listings},
        {&catalog->components, sizeof(struct stk_component), capacity->components},
    };
    for (unsigned i = 0; i < sizeof pools / sizeof *pools; i++) {
        enum stk_status status =
            stk_pool_init(pools[i].pool, (uint32_t)pools[i].size, pools[i].capacity, err);
        if (status != STK_OK)
            return status;
    }
    stk_pool_take(&catalog->aliases);
    return STK_OK;
}

static enum stk_status init_names(struct stk_catalog *catalog,
                                  const struct stk_catalog_capacity *capacity,
                                  struct stk_error *err)
{
    uint64_t names = (uint64_t)capacity->skus + capacity->aliases;
    uint64_t texts = names + capacity->listings;
    enum stk_status status;
    if (names >= NAMES_MAX)
        return stk_error_set(err, STK_INVALID, "%llu SKUs and aliases are more than there can be",
                             (unsigned long long)names);
    status = stk_index_init(&catalog->sku_names, capacity->skus, err);
    if (status == STK_OK)
        status = stk_index_init(&catalog->alias_names, capacity->aliases + 1, err);
    if (status == STK_OK)
        status = stk_index_init(&catalog->listing_names, capacity->listings, err);
    if (status == STK_OK)
        status = stk_heap_init(&catalog->text, capacity->text_bytes, err);
    if (status != STK_OK)
        return status;
    /* an alias may have had a place of 16 and one of 32 bytes before */
    catalog->ids_bytes = ID_BYTES * (texts + 1) + UINT64_C(48) * capacity->aliases;
    if (catalog->ids_bytes > UINT32_MAX)
        catalog->ids_bytes = UINT32_MAX;
    catalog->ids_top = 1; /* 0 means none */
    catalog->ids = stk_mem_reserve(catalog->ids_bytes, catalog->ids_bytes >= 8u << 20, err);
    return catalog->ids ? STK_OK : err ? err->status : STK_NO_MEMORY;
}

enum stk_status stk_catalog_init(struct stk_catalog *catalog,
                                 const struct stk_catalog_capacity *capacity, struct stk_error *err)
{
    enum stk_status status;
    memset(catalog, 0, sizeof *catalog);
    status = init_pools(catalog, capacity, err);
    if (status == STK_OK)
        status = init_names(catalog, capacity, err);
    if (status != STK_OK)
        stk_catalog_fini(catalog);
    return status;
}

void stk_catalog_fini(struct stk_catalog *catalog)
{
    stk_pool_fini(&catalog->skus);
    stk_pool_fini(&catalog->sku_more);
    stk_pool_fini(&catalog->cells);
    stk_pool_fini(&catalog->cell_more);
    stk_pool_fini(&catalog->cell_counted);
    stk_pool_fini(&catalog->aliases);
    stk_pool_fini(&catalog->listings);
    stk_pool_fini(&catalog->components);
    stk_index_fini(&catalog->sku_names);
    stk_index_fini(&catalog->alias_names);
    stk_index_fini(&catalog->listing_names);
    stk_heap_fini(&catalog->text);
    stk_mem_unreserve(catalog->ids, catalog->ids_bytes);
    catalog->ids = NULL;
}

/* --- find --- */

static uint64_t name_hash(struct stk_bytes name)
{
    return stk_hash64(name.data, name.size, NAME_SEED);
}

static uint64_t listing_hash(stk_channel_t channel, struct stk_bytes id)
{
    return stk_hash64(id.data, id.size, LISTING_SEED + channel);
}

/* The SKU when its id, or this alias, is the name. */
static stk_sku_t named(const struct stk_catalog *catalog, uint32_t slot, struct stk_bytes name)
{
    const struct stk_sku *sku = stk_catalog_sku(catalog, slot);
    /* relaxed: the index entry was read with acquire; gone when it was removed since */
    uint32_t id = atomic_load_explicit(&sku->id, memory_order_relaxed);
    return same(packed(catalog, id), name) ? slot : STK_NONE;
}

/* An alias's slot and text are used again when it was taken away: another thread may look at them
 * while that is done, and learns from the index that it did. */
static stk_sku_t aliased(const struct stk_catalog *catalog, uint32_t slot, struct stk_bytes name)
{
    const struct stk_alias *alias = stk_pool_at(&catalog->aliases, slot);
    uint32_t at = atomic_load_explicit(&alias->text, memory_order_relaxed);
    const _Atomic char *text = (const _Atomic char *)catalog->ids + at;
    if ((uint8_t)atomic_load_explicit(text, memory_order_relaxed) != name.size || !name.size)
        return STK_NONE;
    for (uint32_t i = 0; i < name.size; i++)
        if (atomic_load_explicit(text + 1 + i, memory_order_relaxed) != name.data[i])
            return STK_NONE;
    return atomic_load_explicit(&alias->sku, memory_order_relaxed);
}

static inline stk_sku_t find_in(const struct stk_catalog *catalog, const struct stk_index *index,
                                stk_sku_t (*fits)(const struct stk_catalog *catalog, uint32_t slot,
                                                  struct stk_bytes name),
                                uint64_t hash, struct stk_bytes name)
{
    uint32_t version, value;
    do {
        uint64_t cursor = 0;
        version = stk_index_read_begin(index);
        while ((value = stk_index_next(index, hash, &cursor)) != STK_NONE) {
            stk_sku_t sku = fits(catalog, value, name);
            if (sku == STK_NONE)
                continue;
            if (fits == aliased && stk_index_read_retry(index, version))
                break; /* the alias may have become another one under our eyes */
            return sku;
        }
    } while (stk_index_read_retry(index, version));
    return STK_NONE;
}

stk_sku_t stk_catalog_find_sku(const struct stk_catalog *catalog, struct stk_bytes name)
{
    uint64_t hash = name_hash(name);
    stk_sku_t sku = find_in(catalog, &catalog->sku_names, named, hash, name);
    return sku != STK_NONE ? sku : find_in(catalog, &catalog->alias_names, aliased, hash, name);
}

uint64_t stk_catalog_prefetch_name(const struct stk_catalog *catalog, struct stk_bytes name)
{
    uint64_t hash = name_hash(name);
    stk_index_prefetch(&catalog->sku_names, hash);
    return hash;
}

stk_sku_t stk_catalog_prefetch_sku(const struct stk_catalog *catalog, uint64_t hash)
{
    uint64_t cursor = 0;
    uint32_t value = stk_index_next(&catalog->sku_names, hash, &cursor);
    if (value == STK_NONE)
        return STK_NONE; /* by an alias: they are rare */
    __builtin_prefetch(stk_catalog_sku(catalog, value));
    return value;
}

stk_cell_t stk_catalog_prefetch_cell(const struct stk_catalog *catalog, stk_sku_t slot)
{
    const struct stk_sku *sku = stk_catalog_sku(catalog, slot);
    uint32_t id = atomic_load_explicit(&sku->id, memory_order_relaxed);
    stk_cell_t cell = atomic_load_explicit(&sku->first_cell, memory_order_relaxed);
    __builtin_prefetch(catalog->ids + (id == STK_ID_GONE ? 0 : id));
    if (cell != STK_NONE) {
        __builtin_prefetch(stk_catalog_cell(catalog, cell), 1);
        __builtin_prefetch(stk_catalog_counted(catalog, cell));
    }
    return cell;
}

stk_listing_t stk_catalog_find_listing(const struct stk_catalog *catalog, stk_channel_t channel,
                                       struct stk_bytes id)
{
    uint64_t hash = listing_hash(channel, id);
    uint32_t version, value;
    do {
        uint64_t cursor = 0;
        version = stk_index_read_begin(&catalog->listing_names);
        while ((value = stk_index_next(&catalog->listing_names, hash, &cursor)) != STK_NONE) {
            const struct stk_listing *listing = stk_catalog_listing(catalog, value);
            uint32_t text = atomic_load_explicit(&listing->id, memory_order_relaxed);
            if (listing->channel == channel && same(packed(catalog, text), id))
                return value;
        }
    } while (stk_index_read_retry(&catalog->listing_names, version));
    return STK_NONE;
}

stk_location_t stk_catalog_find_location(const struct stk_catalog *catalog, struct stk_bytes id)
{
    /* acquire: pairs with the store that raises the count; what lies below it is complete */
    uint16_t count = atomic_load_explicit(&catalog->locations, memory_order_acquire);
    for (uint16_t i = 0; i < count; i++) {
        const struct stk_location *location = &catalog->location[i];
        if (location->used && same((struct stk_bytes){location->id, location->id_size}, id))
            return i;
    }
    return UINT16_MAX;
}

stk_cell_t stk_catalog_find_cell(const struct stk_catalog *catalog, stk_sku_t sku,
                                 stk_location_t location)
{
    /* acquire, twice: pairs with the release of a new link in add_cell */
    stk_cell_t cell =
        atomic_load_explicit(&stk_catalog_sku(catalog, sku)->first_cell, memory_order_acquire);
    while (cell != STK_NONE) {
        const struct stk_cell *at = stk_catalog_cell(catalog, cell);
        if (at->location >= location)
            return at->location == location ? cell : STK_NONE;
        cell = atomic_load_explicit(&at->next, memory_order_acquire);
    }
    return STK_NONE;
}

struct stk_bytes stk_catalog_sku_id(const struct stk_catalog *catalog, stk_sku_t sku)
{
    uint32_t id = atomic_load_explicit(&stk_catalog_sku(catalog, sku)->id, memory_order_relaxed);
    return packed(catalog, id);
}

struct stk_bytes stk_catalog_listing_id(const struct stk_catalog *catalog, stk_listing_t listing)
{
    uint32_t id =
        atomic_load_explicit(&stk_catalog_listing(catalog, listing)->id, memory_order_relaxed);
    return packed(catalog, id);
}

struct stk_bytes stk_catalog_attributes(const struct stk_catalog *catalog, stk_sku_t sku)
{
    uint32_t handle = stk_catalog_sku(catalog, sku)->attributes, size;
    const char *block;
    if (handle == STK_NONE)
        return (struct stk_bytes){0};
    block = stk_heap_at(&catalog->text, handle);
    memcpy(&size, block, sizeof size);
    return (struct stk_bytes){block + sizeof size, size};
}

/* --- SKUs --- */

static int sku_used(void *self, uint32_t sku)
{
    return stk_catalog_sku((struct stk_catalog *)self, sku)->id != 0;
}

/* A new SKU has a number that none had before: an archived order may name it for years. */
static uint32_t next_sku(struct stk_catalog *catalog)
{
    struct stk_pool *pool = &catalog->skus;
    uint32_t slot = pool->top;
    if (slot == pool->capacity)
        return STK_NONE;
    pool->used = pool->top; /* those that were removed are used up, too */
    stk_pool_take_at(pool, slot);
    return slot;
}

enum stk_status stk_catalog_skip_skus(struct stk_catalog *catalog, uint32_t next,
                                      struct stk_error *err)
{
    if (next > catalog->skus.capacity)
        return full(err, "skus", catalog->skus.capacity);
    if (next > catalog->skus.top)
        catalog->skus.top = next;
    return STK_OK;
}

static int listing_used(void *self, uint32_t listing)
{
    return stk_catalog_listing((struct stk_catalog *)self, listing)->id != 0;
}

/* A slot of the pool of SKUs or of listings: any, or the one that recovery names, in any order; the
 * free list of listings is made when recovery is over, which is when any slot will do. */
static uint32_t take_slot(struct stk_catalog *catalog, struct stk_pool *pool, uint32_t slot,
                          int (*used)(void *self, uint32_t slot))
{
    if (slot == STK_NONE) {
        if (catalog->by_number) {
            stk_pool_rebuild_free(&catalog->listings, listing_used, catalog);
            catalog->by_number = 0;
        }
        return stk_pool_take(pool);
    }
    catalog->by_number = 1;
    if (slot >= pool->capacity)
        return STK_NONE;
    if (slot < pool->top && used(catalog, slot))
        pool->used--; /* what lived there is gone; it counts once */
    stk_pool_take_at(pool, slot);
    return slot;
}

enum stk_status stk_catalog_add_sku(struct stk_catalog *catalog, struct stk_bytes id,
                                    stk_sku_t *slot, struct stk_error *err)
{
    struct stk_sku *sku;
    uint32_t index;
    stk_assert(*slot == STK_NONE || !stk_catalog_sku_lives(catalog, *slot));
    if (stk_catalog_find_sku(catalog, id) != STK_NONE)
        return stk_error_set(err, STK_EXISTS, "\"%.*s\" is the name of a SKU already", (int)id.size,
                             id.data);
    if (!ids_fit(catalog, 1))
        return full(err, "skus, in bytes of their ids", catalog->ids_bytes);
    index =
        *slot == STK_NONE ? next_sku(catalog) : take_slot(catalog, &catalog->skus, *slot, sku_used);
    if (index == STK_NONE)
        return full(err, "skus", catalog->skus.capacity);
    sku = stk_catalog_sku(catalog, index);
    sku->attributes = STK_NONE;
    sku->first_component = STK_NONE;
    atomic_store_explicit(&sku->first_cell, STK_NONE, memory_order_relaxed);
    atomic_store_explicit(&sku->id, pack(catalog, id), memory_order_relaxed);
    stk_assert(stk_index_insert(&catalog->sku_names, name_hash(id), index) == STK_OK);
    catalog->sku_count++;
    *slot = index;
    return STK_OK;
}

static void drop_attributes(struct stk_catalog *catalog, struct stk_sku *sku)
{
    uint32_t size;
    if (sku->attributes == STK_NONE)
        return;
    memcpy(&size, stk_heap_at(&catalog->text, sku->attributes), sizeof size);
    stk_heap_give(&catalog->text, sku->attributes, size + (uint32_t)sizeof size);
    sku->attributes = STK_NONE;
}

enum stk_status stk_catalog_set_attributes(struct stk_catalog *catalog, stk_sku_t slot,
                                           struct stk_bytes attributes, struct stk_error *err)
{
    struct stk_sku *sku = stk_catalog_sku(catalog, slot);
    struct stk_bytes old = stk_catalog_attributes(catalog, slot);
    uint32_t handle = STK_NONE, size = attributes.size;
    char *block;
    stk_assert(stk_catalog_sku_lives(catalog, slot));
    if (size && old.size == size) { /* in place; they may be the same bytes */
        memmove((char *)stk_heap_at(&catalog->text, sku->attributes) + sizeof size, attributes.data,
                size);
        return STK_OK;
    }
    if (size) {
        handle = stk_heap_take(&catalog->text, size + (uint32_t)sizeof size);
        if (handle == STK_NONE)
            return full(err, "text_bytes", catalog->text.capacity_bytes);
        block = stk_heap_at(&catalog->text, handle);
        memcpy(block, &size, sizeof size);
        memcpy(block + sizeof size, attributes.data, size);
    }
    drop_attributes(catalog, sku);
    sku->attributes = handle;
    return STK_OK;
}

/* --- aliases --- */

static struct stk_alias *alias_at(const struct stk_catalog *catalog, uint32_t alias)
{
    return stk_pool_at(&catalog->aliases, alias);
}

/* 1 when names[i] needs an alias of its own that is not there yet. */
static int is_new_alias(const struct stk_catalog *catalog, const struct stk_bytes *names,
                        uint32_t i)
{
    for (uint32_t earlier = 0; earlier < i; earlier++)
        if (same(names[earlier], names[i]))
            return 0;
    return stk_catalog_find_sku(catalog, names[i]) == STK_NONE;
}

static void remove_alias(struct stk_catalog *catalog, uint32_t *link)
{
    const struct stk_alias *alias = alias_at(catalog, *link);
    stk_index_remove(&catalog->alias_names, name_hash(packed(catalog, alias->text)), *link);
    uint32_t index = *link;
    *link = alias->next; /* sku and text stay as they are: a reader may be there */
    alias_at(catalog, index)->next = catalog->alias_free[alias->class];
    catalog->alias_free[alias->class] = index;
    catalog->aliases_free++;
}

static const uint8_t class_bytes[STK_ALIAS_CLASSES] = {16, 32, ID_BYTES};

/* A slot whose text has room for so many bytes: one that was taken away, else a new one, else a
 * smaller one that gets more room, which happens to a slot twice at the most. */
static uint32_t take_alias(struct stk_catalog *catalog, uint32_t bytes)
{
    uint32_t class = 0, index = 0;
    while (class_bytes[class] < bytes)
        class ++;
    for (uint32_t i = class; i < STK_ALIAS_CLASSES && !index; i++)
        index = catalog->alias_free[i];
    if (!index && (index = stk_pool_take(&catalog->aliases)) != STK_NONE) {
        struct stk_alias *alias = alias_at(catalog, index);
        *alias = (struct stk_alias){.text = (uint32_t)catalog->ids_top, .class = class};
        catalog->ids_top += class_bytes[class];
        return index;
    }
    for (uint32_t i = class; i-- > 0 && index == STK_NONE;)
        index = catalog->alias_free[i] ? catalog->alias_free[i] : STK_NONE;
    stk_assert(index != STK_NONE);
    struct stk_alias *alias = alias_at(catalog, index);
    catalog->alias_free[alias->class] = alias->next;
    catalog->aliases_free--;
    if (alias->class < class) {
        atomic_store_explicit(&alias->text, (uint32_t)catalog->ids_top, memory_order_relaxed);
        catalog->ids_top += class_bytes[class];
        alias->class = class;
    }
    return index;
}

static void add_alias(struct stk_catalog *catalog, stk_sku_t sku, struct stk_bytes name)
{
    struct stk_sku_more *more = stk_catalog_sku_more(catalog, sku);
    stk_assert(name.size >= 1 && name.size <= STK_ID_MAX);
    /* whoever reads what is written here learns from the index that it has to look again */
    stk_seqlock_write_begin(&catalog->alias_names.moves);
    uint32_t index = take_alias(catalog, 1 + name.size);
    struct stk_alias *alias = alias_at(catalog, index);
    _Atomic char *text = (_Atomic char *)catalog->ids + alias->text;
    atomic_store_explicit(text, (char)name.size, memory_order_relaxed);
    for (uint32_t i = 0; i < name.size; i++)
        atomic_store_explicit(text + 1 + i, name.data[i], memory_order_relaxed);
    atomic_store_explicit(&alias->sku, sku, memory_order_relaxed);
    stk_seqlock_write_end(&catalog->alias_names.moves);
    alias->next = more->first_alias;
    more->first_alias = index;
    stk_assert(stk_index_insert(&catalog->alias_names, name_hash(name), index) == STK_OK);
}

enum stk_status stk_catalog_set_aliases(struct stk_catalog *catalog, stk_sku_t sku,
                                        const struct stk_bytes *names, uint32_t count,
                                        struct stk_error *err)
{
    uint32_t fresh = 0, *link;
    stk_assert(stk_catalog_sku_lives(catalog, sku));
    for (uint32_t i = 0; i < count; i++) {
        stk_sku_t owner = stk_catalog_find_sku(catalog, names[i]);
        if (owner != STK_NONE && owner != sku)
            return stk_error_set(err, STK_EXISTS, "\"%.*s\" is a name of another SKU",
                                 (int)names[i].size, names[i].data);
        fresh += (uint32_t)is_new_alias(catalog, names, i);
    }
    if (catalog->aliases.capacity - catalog->aliases.used + catalog->aliases_free < fresh ||
        !ids_fit(catalog, fresh))
        return full(err, "aliases and barcodes", catalog->aliases.capacity - 1);
    if (count == 0 && stk_catalog_sku_more(catalog, sku)->first_alias == 0)
        return STK_OK;
    link = &stk_catalog_sku_more(catalog, sku)->first_alias;
    while (*link) {
        uint32_t i = 0;
        while (i < count && !same(names[i], packed(catalog, alias_at(catalog, *link)->text)))
            i++;
        if (i == count)
            remove_alias(catalog, link);
        else
            link = &alias_at(catalog, *link)->next;
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_new_alias(catalog, names, i))
            add_alias(catalog, sku, names[i]);
    return STK_OK;
}

int stk_catalog_sku_may_go(const struct stk_catalog *catalog, stk_sku_t slot)
{
    const struct stk_sku *sku = stk_catalog_sku(catalog, slot);
    const struct stk_sku_more *more = stk_catalog_sku_more(catalog, slot);
    if (!stk_catalog_sku_lives(catalog, slot) || sku->first_component != STK_NONE ||
        more->shortfall || more->in_transit || more->incoming)
        return 0;
    for (stk_cell_t c = sku->first_cell; c != STK_NONE; c = stk_catalog_cell(catalog, c)->next) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, c);
        struct stk_cell_numbers n = stk_cell_numbers(cell);
        if (n.on_hand || n.held || n.unsellable || n.earmarked || cell->first_hold != STK_NONE)
            return 0;
    }
    return 1;
}

void stk_catalog_remove_sku(struct stk_catalog *catalog, stk_sku_t slot)
{
    struct stk_sku *sku = stk_catalog_sku(catalog, slot);
    struct stk_sku_more *more = stk_catalog_sku_more(catalog, slot);
    stk_assert(stk_catalog_sku_may_go(catalog, slot));
    stk_index_remove(&catalog->sku_names, name_hash(stk_catalog_sku_id(catalog, slot)), slot);
    while (more->first_alias)
        remove_alias(catalog, &more->first_alias);
    drop_attributes(catalog, sku);
    /* the cells keep their links: a reader may be on its way along them. release: pairs with the
     * acquire in stk_catalog_find_cell */
    atomic_store_explicit(&sku->first_cell, STK_NONE, memory_order_release);
    atomic_store_explicit(&sku->id, STK_ID_GONE, memory_order_relaxed);
    catalog->sku_count--;
}

enum stk_status stk_catalog_add_cell(struct stk_catalog *catalog, stk_sku_t sku,
                                     stk_location_t location, stk_cell_t *slot,
                                     struct stk_error *err)
{
    _Atomic stk_cell_t *link = &stk_catalog_sku(catalog, sku)->first_cell;
    struct stk_cell *cell;
    uint32_t index;
    stk_assert(location < STK_LOCATIONS_MAX && stk_catalog_sku_lives(catalog, sku));
    index = stk_pool_take(&catalog->cells);
    if (index == STK_NONE)
        return full(err, "cells", catalog->cells.capacity);
    while (*link != STK_NONE && stk_catalog_cell(catalog, *link)->location < location)
        link = &stk_catalog_cell(catalog, *link)->next;
    stk_assert(*link == STK_NONE || stk_catalog_cell(catalog, *link)->location != location);
    cell = stk_catalog_cell(catalog, index);
    cell->sku = sku;
    cell->location = location;
    cell->first_hold = STK_NONE;
    atomic_store_explicit(&cell->next, *link, memory_order_relaxed);
    /* release: pairs with the acquire of readers that follow the chain */
    atomic_store_explicit(link, index, memory_order_release);
    *slot = index;
    return STK_OK;
}

/* --- listings --- */

static void drop_components(struct stk_catalog *catalog, struct stk_listing *listing)
{
    uint32_t next, index = listing->first_component;
    for (; index != STK_NONE; index = next) {
        struct stk_component *component = stk_catalog_component(catalog, index);
        next = component->next_of_listing;
        if (component->prev_of_sku == STK_NONE)
            stk_catalog_sku(catalog, component->sku)->first_component = component->next_of_sku;
        else
            stk_catalog_component(catalog, component->prev_of_sku)->next_of_sku =
                component->next_of_sku;
        if (component->next_of_sku != STK_NONE)
            stk_catalog_component(catalog, component->next_of_sku)->prev_of_sku =
                component->prev_of_sku;
        component->sku = STK_NONE;
        stk_pool_give(&catalog->components, index);
    }
    listing->first_component = STK_NONE;
    listing->component_count = 0;
}

static void add_components(struct stk_catalog *catalog, stk_listing_t slot,
                           const struct stk_component_spec *specs, uint32_t count)
{
    struct stk_listing *listing = stk_catalog_listing(catalog, slot);
    for (uint32_t i = count; i-- > 0;) { /* from behind, so that the list keeps the order */
        struct stk_sku *sku = stk_catalog_sku(catalog, specs[i].sku);
        uint32_t index = stk_pool_take(&catalog->components);
        stk_assert(index != STK_NONE && stk_catalog_sku_lives(catalog, specs[i].sku) &&
                   specs[i].units > 0);
        *stk_catalog_component(catalog, index) = (struct stk_component){
            .listing = slot,
            .sku = specs[i].sku,
            .units = specs[i].units,
            .next_of_listing = listing->first_component,
            .next_of_sku = sku->first_component,
            .prev_of_sku = STK_NONE,
        };
        if (sku->first_component != STK_NONE)
            stk_catalog_component(catalog, sku->first_component)->prev_of_sku = index;
        sku->first_component = index;
        listing->first_component = index;
    }
    listing->component_count = (uint8_t)count;
}

static enum stk_status add_listing(struct stk_catalog *catalog, stk_channel_t channel,
                                   struct stk_bytes id, stk_listing_t *slot, struct stk_error *err)
{
    struct stk_listing *listing;
    uint32_t index;
    stk_assert(*slot == STK_NONE || !stk_catalog_listing_lives(catalog, *slot));
    if (!ids_fit(catalog, 1))
        return full(err, "listings, in bytes of their ids", catalog->ids_bytes);
    index = take_slot(catalog, &catalog->listings, *slot, listing_used);
    if (index == STK_NONE)
        return full(err, "listings", catalog->listings.capacity);
    listing = stk_catalog_listing(catalog, index);
    listing->channel = channel;
    listing->first_component = STK_NONE;
    atomic_store_explicit(&listing->id, pack(catalog, id), memory_order_relaxed);
    stk_assert(stk_index_insert(&catalog->listing_names, listing_hash(channel, id), index) ==
               STK_OK);
    catalog->listing_count++;
    *slot = index;
    return STK_OK;
}

enum stk_status stk_catalog_put_listing(struct stk_catalog *catalog, stk_channel_t channel,
                                        struct stk_bytes id,
                                        const struct stk_component_spec *components, uint32_t count,
                                        int active, stk_listing_t *slot, struct stk_error *err)
{
    stk_listing_t known = stk_catalog_find_listing(catalog, channel, id);
    uint32_t had = known == STK_NONE ? 0 : stk_catalog_listing(catalog, known)->component_count;
    struct stk_listing *listing;
    stk_assert(count <= STK_COMPONENTS_MAX);
    if (catalog->components.capacity - catalog->components.used + had < count)
        return full(err, "components", catalog->components.capacity);
    if (known == STK_NONE) {
        enum stk_status status = add_listing(catalog, channel, id, slot, err);
        if (status != STK_OK)
            return status;
    } else {
        *slot = known;
    }
    listing = stk_catalog_listing(catalog, *slot);
    drop_components(catalog, listing);
    add_components(catalog, *slot, components, count);
    listing->active = active != 0;
    return STK_OK;
}

void stk_catalog_remove_listing(struct stk_catalog *catalog, stk_listing_t slot)
{
    struct stk_listing *listing = stk_catalog_listing(catalog, slot);
    stk_assert(stk_catalog_listing_lives(catalog, slot));
    drop_components(catalog, listing);
    stk_index_remove(&catalog->listing_names,
                     listing_hash(listing->channel, stk_catalog_listing_id(catalog, slot)), slot);
    atomic_store_explicit(&listing->id, STK_ID_GONE, memory_order_relaxed);
    catalog->listing_count--;
}

stk_sku_t stk_catalog_next_sku(const struct stk_catalog *catalog, stk_sku_t from)
{
    for (; from < catalog->skus.top; from++)
        if (stk_catalog_sku_lives(catalog, from))
            return from;
    return STK_NONE;
}

stk_listing_t stk_catalog_next_listing(const struct stk_catalog *catalog, stk_listing_t from)
{
    for (; from < catalog->listings.top; from++)
        if (stk_catalog_listing_lives(catalog, from))
            return from;
    return STK_NONE;
}
