/* The truth, for those who check. Sales are booked per SKU and channel as they happen; whether the
 * stock covers them is Hall's condition: for every set of channels, what they have sold is no more
 * than what lies where any of them may ship from. */
#include "plugins/simulator/book.h"
#include "plugins/simulator/inside.h"

const char *market_fault_name(enum market_fault fault)
{
    static const char *const names[MARKET_FAULTS] = {
        "slow",         "overtaken",       "drop",          "refused",         "late refused",
        "late report",  "lost call",       "lost answer",   "timeout",         "unavailable",
        "throttled",    "outage",          "stale read",    "late order",      "late cancel",
        "cancel first", "duplicate",       "reordered",     "partial page",    "hook twice",
        "hook lost",    "restock",         "clamped",       "mismatch",        "locked",
        "price edited", "counter lowered", "contested",     "landed beyond A", "landed twice",
        "lied",         "order beyond L",  "read beyond R", "restock untold",  "counter raised"};
    return fault < MARKET_FAULTS ? names[fault] : "?";
}

/* Sold by the channels of `set` and not got back, less what lies where they may ship from. */
static int64_t excess_of(const struct market *market, uint32_t sku, uint32_t set)
{
    const int64_t *stock = &market->stock[(uint64_t)sku * market->config.locations];
    uint64_t from = 0;
    int64_t excess = 0;

    for (uint32_t c = 0; c < market->config.channel_count; c++) {
        uint64_t ships_from = market->config.channel[c].ships_from;
        if (!(set >> c & 1))
            continue;
        from |= ships_from ? ships_from : UINT64_MAX;
        excess += market->skus[sku].open[c];
    }
    for (uint32_t location = 0; location < market->config.locations; location++)
        excess -= from >> location & 1 ? stock[location] : 0;
    return excess;
}

static void book_check(struct market *market, uint32_t sku, uint32_t channel)
{
    int64_t worst = 0;

    for (uint32_t set = 1; set < 1u << market->config.channel_count; set++) {
        int64_t excess = set >> channel & 1 ? excess_of(market, sku, set) : 0;
        worst = excess > worst ? excess : worst;
    }
    if (!worst)
        return;
    if (!market->oversold.sales++) {
        market->oversold.sku = sku;
        market->oversold.channel = channel;
        market->oversold.first_ms = market->now_ms;
    }
    if (worst > market->oversold.units_most)
        market->oversold.units_most = worst;
}

static int64_t open_units(const struct sku_book *book)
{
    return book->totals.sold - book->totals.cancelled - book->totals.returned;
}

void book_sale(struct market *market, struct channel *channel, const struct order *order)
{
    uint32_t number = market_number(market, channel);

    for (uint32_t i = 0; i < order->lines; i++) {
        const struct listing *listing = &channel->listings[order->line[i].listing];
        for (uint32_t p = 0; p < listing->parts; p++) {
            struct sku_book *book = &market->skus[listing->part[p].sku];
            int64_t units = (int64_t)order->line[i].quantity * listing->part[p].units;
            book->totals.sold += units;
            book->open[number] += units;
            if (open_units(book) > book->totals.open_max)
                book->totals.open_max = open_units(book);
            if (market->config.locations)
                book_check(market, listing->part[p].sku, number);
        }
    }
}

void book_end(struct market *market, struct channel *channel, const struct order *order)
{
    uint32_t number = market_number(market, channel);

    for (uint32_t i = 0; i < order->lines; i++) {
        const struct listing *listing = &channel->listings[order->line[i].listing];
        for (uint32_t p = 0; p < listing->parts; p++) {
            struct sku_book *book = &market->skus[listing->part[p].sku];
            int64_t units = (int64_t)order->line[i].quantity * listing->part[p].units;
            book->open[number] -= units;
            if (order->end == MARKET_CANCELLED)
                book->totals.cancelled += units;
            else
                book->totals.returned += units;
        }
    }
}

/* ---- looking at it ---- */

const struct market_counts *market_counts(const struct market *market, uint32_t channel)
{
    return &market->channel[channel].counts;
}

struct market_counter_book market_counter_book(const struct market *market, uint32_t channel,
                                               uint32_t place)
{
    const struct channel *it = &market->channel[channel];
    const struct counter *counter = &it->counters[it->listings[place].pool];
    return (struct market_counter_book){counter->initial,   counter->written, counter->edited,
                                        counter->restocked, -counter->sold,   counter->now,
                                        counter->writes};
}

struct market_sku_book market_sku_book(const struct market *market, uint32_t sku)
{
    return market->skus[sku].totals;
}

struct market_oversold market_oversold(const struct market *market)
{
    return market->oversold;
}

/* Units of the SKU in all listings' sales. */
static int64_t sold_by_listings(const struct market *market, uint32_t sku)
{
    int64_t sum = 0;
    for (uint32_t c = 0; c < market->config.channel_count; c++) {
        const struct channel *channel = &market->channel[c];
        for (uint32_t i = 0; i < channel->listing_count; i++) {
            const struct listing *listing = &channel->listings[i];
            for (uint32_t p = 0; p < listing->parts; p++)
                sum += listing->part[p].sku == sku ? listing->sold * listing->part[p].units : 0;
        }
    }
    return sum;
}

uint32_t market_unbalanced(const struct market *market)
{
    uint32_t faults = 0;

    for (uint32_t c = 0; c < market->config.channel_count; c++) {
        const struct channel *channel = &market->channel[c];
        for (uint32_t i = 0; i < channel->listing_count; i++) {
            struct market_counter_book book = market_counter_book(market, c, i);
            faults += book.now < 0 || book.now != book.initial + book.written + book.edited +
                                                      book.restocked - book.sold;
        }
    }
    for (uint32_t sku = 0; sku < market->config.skus; sku++)
        faults += market->skus[sku].totals.sold != sold_by_listings(market, sku);
    return faults;
}

uint64_t market_digest(const struct market *market)
{
    return market->digest;
}

int32_t market_counter(const struct market *market, uint32_t channel, uint32_t place)
{
    const struct channel *it = &market->channel[channel];
    return (int32_t)it->counters[it->listings[place].pool].now;
}

int64_t market_price(const struct market *market, uint32_t channel, uint32_t place)
{
    return market->channel[channel].listings[place].price;
}

int market_active(const struct market *market, uint32_t channel, uint32_t place)
{
    return market->channel[channel].listings[place].active;
}

uint32_t market_listings(const struct market *market, uint32_t channel)
{
    return market->channel[channel].listing_count;
}

uint32_t market_writes_open(const struct market *market, uint32_t channel)
{
    return market->channel[channel].writes_open;
}

uint64_t market_bytes(const struct market *market)
{
    return market->bytes;
}
