/* Worlds: the markets of this process. Instances that name the same world and seed share one, each
 * as a channel of another kind, so that several channels sell one catalogue; every instance in a
 * process of its own has a world of its own. Stability: internal.
 *
 * A world has four channels: set, adjust, cas and shop (a fast channel of the seller's own). A
 * channel that nobody has joined has no shoppers. The lock of a world guards its market; whatever
 * an answer lends stays readable without it (plugins/simulator/market.h). */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include "plugins/simulator/book.h"

struct world;

struct world_config {
    char name[64];
    uint64_t seed;
    enum market_programme programme;
    enum market_kind kind; /* of the channel that joins */
    int64_t speed;         /* market ms per ms of the host */
    uint32_t skus, kit_every;
    int32_t counter; /* units on sale of each listing at the beginning */
    int64_t orders_per_day, ship_mean_ms;
};

/* The channel is the kind's number. NULL: why says it in one line. Any thread. */
struct world *world_join(const struct world_config *config, int64_t monotonic_ms, int64_t wall_ms,
                         char *why, uint32_t why_size);
void world_leave(struct world *world, const struct world_config *config);

/* The market, up to the host's time; world_unlock gives it back. */
struct market *world_lock(struct world *world, int64_t monotonic_ms);
void world_unlock(struct world *world);

/* The market's time as the host's wall time, and spans of it. */
int64_t world_wall_ms(const struct world *world, int64_t market_ms);
int64_t world_span_ms(const struct world *world, int64_t market_span_ms); /* rounded up */
/* A word that no other life of this world has had, for ids. */
uint64_t world_birth(const struct world *world);

#endif
