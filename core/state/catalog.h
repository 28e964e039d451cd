/* SKUs, locations, listings and their cells: key to slot, capacity fixed at start, a slot never
 * moves and is not used again before a restart (a reader on another thread may still look at it); a
 * SKU's slot, which archived orders name, is not used again at all.
 * Writer: the engine thread. Readers on any thread: find, cell chains, location ids. */
#ifndef STK_STATE_CATALOG_H
#define STK_STATE_CATALOG_H

#include "core/base/limits.h"
#include "core/state/cell.h"
#include "core/state/index.h"
#include "core/state/names.h"

/* Four to a cache line; what few SKUs need stands in stk_sku_more. */
struct stk_sku {
    _Atomic uint32_t id; /* in ids: u8 size, bytes; constant while the SKU lives; 0 = free,
                            slot */
    uint32_t attributes; /* heap: u32 size, bytes (encoded by flow/rows); STK_NONE */
    _Atomic stk_cell_t first_cell; /* readers follow it; STK_NONE */
    uint32_t first_component;      /* of listings that hold this SKU; STK_NONE */
};
_Static_assert(sizeof(struct stk_sku) == 16, "memory per SKU is counted");

/* Beside the SKUs in an array of its own, untouched until something is written: zero is nothing. */
struct stk_sku_more {
    uint32_t shortfall;   /* open units */
    uint32_t in_transit;  /* units between locations */
    uint32_t incoming;    /* first of book's incoming + 1; see stk_book_first_incoming */
    uint32_t first_alias; /* of its aliases and barcodes; 0 = none */
    uint32_t pools;       /* counters in guaranteed mode that draw on it */
};

/* An id that says: was removed, not to be used again before a restart. */
#define STK_ID_GONE STK_NONE

/* An alias or barcode that leads to a SKU. */
struct stk_alias {
    _Atomic stk_sku_t sku;
    _Atomic uint32_t text; /* in ids: u8 size, bytes; its place stays the slot's */
    uint32_t next;         /* of the SKU, or of the free ones of its class; 0 = last */
    uint32_t class;        /* how much room its text has */
};
#define STK_ALIAS_CLASSES 3

struct stk_listing {
    _Atomic uint32_t id; /* in ids: u8 size, bytes; 0 = free slot, or STK_ID_GONE */
    stk_channel_t channel;
    uint8_t active;
    uint8_t component_count;
    uint32_t first_component;
};
struct stk_component {
    stk_listing_t listing;
    stk_sku_t sku;
    uint32_t units;
    uint32_t next_of_listing;
    uint32_t next_of_sku, prev_of_sku;
};

struct stk_location {
    uint8_t used;
    uint8_t kind;          /* enum stk_location_kind of flow/verb.h, as a number */
    _Atomic uint8_t ships; /* other threads look at this and at channels */
    uint8_t split;
    int32_t priority;
    stk_country_t country;
    uint16_t authority; /* number of a source; 0 = anyone */
    uint8_t near_count;
    stk_country_t near[32]; /* countries served, nearest first */
    _Atomic uint64_t
        channels[STK_CHANNELS_MAX / 64]; /* bit = channel number; all zero = every channel */
    uint8_t id_size;
    char id[STK_ID_MAX];
    uint16_t name_size;
    char name[STK_TEXT_MAX];
};

struct stk_catalog {
    /* used counts what cannot be had before a restart: removed SKUs, listings and aliases too */
    struct stk_pool skus, sku_more, cells, cell_more, cell_counted, aliases, listings, components;
    uint32_t sku_count, listing_count;      /* that live */
    uint32_t alias_free[STK_ALIAS_CLASSES]; /* aliases that were taken away, by their room; 0 */
    uint32_t aliases_free;
    struct stk_heap text; /* attributes */
    char *ids;            /* ids, packed, never given back, and the places of aliases */
    uint64_t ids_bytes, ids_top;
    uint8_t by_number;              /* slots were taken by number since the free lists were made */
    struct stk_index sku_names;     /* by id */
    struct stk_index alias_names;   /* aliases and barcodes; apart, as it may stay untouched */
    struct stk_index listing_names; /* by channel and id */
    struct stk_location location[STK_LOCATIONS_MAX];
    _Atomic uint16_t locations; /* those from here on are unused; raised when all of a new one was
                                   written, whose id is constant */
};

struct stk_catalog_capacity {
    uint32_t skus, cells, aliases, listings, components;
    uint64_t text_bytes;
};
enum stk_status stk_catalog_init(struct stk_catalog *catalog,
                                 const struct stk_catalog_capacity *capacity,
                                 struct stk_error *err);
void stk_catalog_fini(struct stk_catalog *catalog);

/* Find: by id, alias or barcode. STK_NONE. Any thread. */
stk_sku_t stk_catalog_find_sku(const struct stk_catalog *catalog, struct stk_bytes name);
/* Any thread, to bring into the cache what a find will touch, in three steps, each a while after
 * the one before. They look at nothing that is not in the cache by then, and may guess wrong. */
uint64_t stk_catalog_prefetch_name(const struct stk_catalog *catalog, struct stk_bytes name);
stk_sku_t stk_catalog_prefetch_sku(const struct stk_catalog *catalog, uint64_t name_hash);
stk_cell_t stk_catalog_prefetch_cell(const struct stk_catalog *catalog, stk_sku_t sku);
stk_listing_t stk_catalog_find_listing(const struct stk_catalog *catalog, stk_channel_t channel,
                                       struct stk_bytes id);
/* UINT16_MAX when unknown. Any thread. */
stk_location_t stk_catalog_find_location(const struct stk_catalog *catalog, struct stk_bytes id);
stk_cell_t stk_catalog_find_cell(const struct stk_catalog *catalog, stk_sku_t sku,
                                 stk_location_t location);
static inline struct stk_sku *stk_catalog_sku(const struct stk_catalog *catalog, stk_sku_t sku)
{
    return (struct stk_sku *)stk_pool_at(&catalog->skus, sku);
}
/* 1 when a SKU or listing lives there; any number may be asked. */
static inline int stk_catalog_sku_lives(const struct stk_catalog *catalog, stk_sku_t sku)
{
    uint32_t id = sku < catalog->skus.top ? (uint32_t)stk_catalog_sku(catalog, sku)->id : 0;
    return id != 0 && id != STK_ID_GONE;
}
static inline struct stk_sku_more *stk_catalog_sku_more(const struct stk_catalog *catalog,
                                                        stk_sku_t sku)
{
    return (struct stk_sku_more *)stk_pool_at(&catalog->sku_more, sku);
}
static inline struct stk_cell *stk_catalog_cell(const struct stk_catalog *catalog, stk_cell_t cell)
{
    return (struct stk_cell *)stk_pool_at(&catalog->cells, cell);
}
static inline struct stk_cell_more *stk_catalog_cell_more(const struct stk_catalog *catalog,
                                                          stk_cell_t cell)
{
    return (struct stk_cell_more *)stk_pool_at(&catalog->cell_more, cell);
}
/* As of when it was counted last; 0 = never. Nearly every cell has that and nothing of the above.
 */
static inline stk_time_t *stk_catalog_counted(const struct stk_catalog *catalog, stk_cell_t cell)
{
    return (stk_time_t *)stk_pool_at(&catalog->cell_counted, cell);
}
static inline struct stk_listing *stk_catalog_listing(const struct stk_catalog *catalog,
                                                      stk_listing_t listing)
{
    return (struct stk_listing *)stk_pool_at(&catalog->listings, listing);
}
static inline int stk_catalog_listing_lives(const struct stk_catalog *catalog,
                                            stk_listing_t listing)
{
    uint32_t id =
        listing < catalog->listings.top ? (uint32_t)stk_catalog_listing(catalog, listing)->id : 0;
    return id != 0 && id != STK_ID_GONE;
}
static inline struct stk_component *stk_catalog_component(const struct stk_catalog *catalog,
                                                          uint32_t index)
{
    return (struct stk_component *)stk_pool_at(&catalog->components, index);
}
struct stk_bytes stk_catalog_sku_id(const struct stk_catalog *catalog, stk_sku_t sku);
struct stk_bytes stk_catalog_listing_id(const struct stk_catalog *catalog, stk_listing_t listing);
struct stk_bytes stk_catalog_attributes(const struct stk_catalog *catalog,
                                        stk_sku_t sku); /* may be empty */

/* Change. Each either does all of it or returns STK_FULL (err names the capacity) with nothing
 * changed. slot STK_NONE: the next free one; else exactly that (recovery). */
enum stk_status stk_catalog_add_sku(struct stk_catalog *catalog, struct stk_bytes id,
                                    stk_sku_t *slot, struct stk_error *err);
/* names: aliases and barcodes together; the whole set, replacing the old one; one that is given
 * twice or is the SKU's own id counts once. STK_EXISTS names one that belongs to another SKU. */
enum stk_status stk_catalog_set_aliases(struct stk_catalog *catalog, stk_sku_t sku,
                                        const struct stk_bytes *names, uint32_t count,
                                        struct stk_error *err);
enum stk_status stk_catalog_set_attributes(struct stk_catalog *catalog, stk_sku_t sku,
                                           struct stk_bytes attributes, struct stk_error *err);
/* New SKUs have this slot or a later one: those before were given away already. Recovery. */
enum stk_status stk_catalog_skip_skus(struct stk_catalog *catalog, uint32_t next,
                                      struct stk_error *err);
/* 1 when remove_sku may be called. */
int stk_catalog_sku_may_go(const struct stk_catalog *catalog, stk_sku_t sku);
void stk_catalog_remove_sku(struct stk_catalog *catalog,
                            stk_sku_t sku); /* in no listing; its cells (all empty) and aliases go
                                               too */
enum stk_status stk_catalog_add_cell(struct stk_catalog *catalog, stk_sku_t sku,
                                     stk_location_t location, stk_cell_t *cell,
                                     struct stk_error *err);
struct stk_component_spec {
    stk_sku_t sku;
    uint32_t units;
};
/* New, or other components for an existing one (by channel and id; *slot then says where it
 * is; recovery: a free *slot). The components keep their order. */
enum stk_status stk_catalog_put_listing(struct stk_catalog *catalog, stk_channel_t channel,
                                        struct stk_bytes id,
                                        const struct stk_component_spec *components, uint32_t count,
                                        int active, stk_listing_t *slot, struct stk_error *err);
void stk_catalog_remove_listing(struct stk_catalog *catalog, stk_listing_t listing);

/* Next used slot >= from, or STK_NONE: for lists and sweeps. */
stk_sku_t stk_catalog_next_sku(const struct stk_catalog *catalog, stk_sku_t from);
stk_listing_t stk_catalog_next_listing(const struct stk_catalog *catalog, stk_listing_t from);

#endif
