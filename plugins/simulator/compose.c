/* The market's words as flat messages of the ABI. Times become the host's, names become texts. */
#include "plugins/simulator/instance.h"
#include <stdio.h>

#define TEXT_SIZE 48

static struct stk_text order_name(struct stk_composer *out, const struct instance *instance,
                                  uint64_t order, const char *what)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof(text), "%llX-%06llu%s", (unsigned long long)world_birth(instance->world),
             (unsigned long long)order, what);
    return stk_compose_string(out, text);
}

/* ---- orders ---- */

static void compose_order(struct stk_composer *out, const struct instance *instance,
                          const struct market *market, const struct market_event *event,
                          int64_t seen_ms)
{
    struct stk_event_order order = {.placed_at_ms =
                                        world_wall_ms(instance->world, event->placed_ms),
                                    .seen_at_ms = world_wall_ms(instance->world, seen_ms)};
    struct stk_event_line lines[MARKET_LINES_MAX] = {0};

    stk_compose_begin(out, sizeof(order));
    order.modified_at_ms = order.placed_at_ms;
    order.id = order_name(out, instance, event->order, "");
    for (uint32_t i = 0; i < event->lines; i++) {
        struct market_card card;
        market_card(market, instance->channel, event->line[i].listing, &card);
        lines[i].listing = stk_compose_string(out, card.id);
        lines[i].sku = stk_compose_string(out, card.seller_sku);
        lines[i].quantity = (uint32_t)event->line[i].quantity;
        lines[i].unit_price_minor = event->line[i].price_minor;
        lines[i].tax_included = 1;
        order.currency = card.currency;
    }
    order.lines = stk_compose_list(out, lines, sizeof(*lines), event->lines);
    stk_compose_end(out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER, sizeof(order));
}

static void compose_deed(struct stk_composer *out, const struct instance *instance,
                         const struct market_event *event)
{
    static const char *const words[] = {
        [MARKET_CANCELLED] = "/cancelled",
        [MARKET_RETURNED] = "/returned",
        [MARKET_SHIPPED] = "/shipped",
    };
    static const uint16_t types[] = {
        [MARKET_CANCELLED] = STK_EVENT_ORDER_CANCEL,
        [MARKET_RETURNED] = STK_EVENT_ORDER_RETURN,
        [MARKET_SHIPPED] = STK_EVENT_ORDER_SHIP,
    };
    struct stk_event_order_deed deed = {.occurred_at_ms =
                                            world_wall_ms(instance->world, event->at_ms)};
    struct stk_event_part parts[MARKET_LINES_MAX] = {0};

    stk_compose_begin(out, sizeof(deed));
    deed.order = order_name(out, instance, event->order, "");
    deed.id = order_name(out, instance, event->order, words[event->kind]);
    for (uint32_t i = 0; i < event->lines; i++) {
        parts[i].line = i + 1;
        parts[i].quantity = (uint32_t)event->line[i].quantity;
        parts[i].restocked = event->kind == MARKET_CANCELLED && event->restocked;
    }
    deed.parts = stk_compose_list(out, parts, sizeof(*parts), event->lines);
    stk_compose_end(out, &deed.message, STK_SPACE_EVENT, types[event->kind], sizeof(deed));
}

void compose_order_event(struct stk_composer *out, const struct instance *instance,
                         const struct market *market, const struct market_event *event,
                         int64_t seen_ms)
{
    if (event->kind == MARKET_PLACED)
        compose_order(out, instance, market, event, seen_ms);
    else
        compose_deed(out, instance, event);
}

/* ---- listings, offers, read-backs ---- */

void compose_listing(struct stk_composer *out, const struct instance *instance,
                     const struct market_card *card, int64_t asked_ms)
{
    struct stk_event_listing listing = {.price_minor = card->price_minor,
                                        .quantity = card->counter,
                                        .asked_at_ms = world_wall_ms(instance->world, asked_ms),
                                        .currency = card->currency,
                                        .active = card->active != 0};

    stk_compose_begin(out, sizeof(listing));
    listing.listing = stk_compose_string(out, card->id);
    listing.sku = stk_compose_string(out, card->seller_sku);
    listing.barcode = stk_compose_string(out, card->barcode);
    listing.title = stk_compose_string(out, card->title);
    stk_compose_end(out, &listing.message, STK_SPACE_EVENT, STK_EVENT_LISTING, sizeof(listing));
}

void compose_offers(struct stk_composer *out, const struct instance *instance,
                    const struct market *market, const struct market_offer *offers, uint32_t count,
                    int64_t asked_ms)
{
    struct stk_event_offers event = {.asked_at_ms = world_wall_ms(instance->world, asked_ms),
                                     .total_count = count};
    struct stk_event_offer list[MARKET_RIVALS_MAX + 1] = {0};
    struct market_card card;
    int64_t newest_ms = 0;

    market_card(market, instance->channel, offers->listing, &card);
    event.currency = card.currency;
    stk_compose_begin(out, sizeof(event));
    event.listing = stk_compose_string(out, card.id);
    for (uint32_t i = 0; i < count; i++) {
        char seller[TEXT_SIZE];
        snprintf(seller, sizeof(seller), "rival-%u", offers[i].rival);
        list[i].seller = stk_compose_string(out, offers[i].rival ? seller : "us");
        list[i].price_minor = offers[i].price_minor;
        list[i].shipping_minor = offers[i].shipping_minor;
        list[i].condition = STK_CONDITION_NEW;
        list[i].fulfilment = STK_FULFILMENT_SELLER;
        list[i].is_mine = offers[i].rival == 0;
        list[i].has_buy_box = offers[i].buy_box != 0;
        list[i].is_featured = 1;
        newest_ms = offers[i].at_ms > newest_ms ? offers[i].at_ms : newest_ms;
    }
    event.as_of_ms = world_wall_ms(instance->world, newest_ms);
    event.offers = stk_compose_list(out, list, sizeof(*list), count);
    stk_compose_end(out, &event.message, STK_SPACE_EVENT, STK_EVENT_OFFERS, sizeof(event));
}

/* No such listing: nothing but its name is known. */
static void compose_gone(struct stk_composer *out, const struct instance *instance,
                         const char *name, int64_t asked_ms)
{
    struct stk_event_listing listing = {.asked_at_ms = world_wall_ms(instance->world, asked_ms)};
    stk_compose_begin(out, sizeof(listing));
    listing.listing = stk_compose_string(out, name);
    stk_compose_end(out, &listing.message, STK_SPACE_EVENT, STK_EVENT_LISTING_GONE,
                    sizeof(listing));
}

void compose_reading(struct stk_composer *out, const struct instance *instance,
                     const struct market *market, const struct market_reading *reading,
                     const struct wanted_key *key, int64_t asked_ms)
{
    struct stk_event_observed observed = {.asked_at_ms = world_wall_ms(instance->world, asked_ms),
                                          .age_max_ms = STK_ABSENT};
    struct market_card card;

    if (!reading->found) {
        compose_gone(out, instance, key->name, asked_ms);
        return;
    }
    market_card(market, instance->channel, reading->listing, &card);
    stk_compose_begin(out, sizeof(observed));
    observed.key.listing = stk_compose_string(out, card.id);
    observed.key.field = key->field;
    if (key->field == STK_PUBLISHED_QUANTITY) {
        observed.value = reading->counter;
    } else if (key->field == STK_PUBLISHED_PRICE) {
        observed.value = reading->price_minor;
        observed.currency = card.currency;
    } else {
        observed.value = key->field == STK_PUBLISHED_ACTIVE ? reading->active != 0 : STK_ABSENT;
    }
    stk_compose_end(out, &observed.message, STK_SPACE_EVENT, STK_EVENT_OBSERVED, sizeof(observed));
}

/* ---- what became of it ---- */

static const char *reason_text(enum market_reason reason)
{
    static const char *const texts[] = {[MARKET_NO_REASON] = "",
                                        [MARKET_NO_LISTING] = "NO_LISTING",
                                        [MARKET_LOCKED] = "LOCKED",
                                        [MARKET_UNDER_REVIEW] = "UNDER_REVIEW",
                                        [MARKET_DAILY_CAP] = "DAILY_CAP",
                                        [MARKET_BAD_VALUE] = "BAD_VALUE",
                                        [MARKET_SYSTEM_ERROR] = "SYSTEM_ERROR"};
    return texts[reason];
}

static uint16_t refused_as(enum market_reason reason)
{
    switch (reason) {
    case MARKET_NO_LISTING:
        return STK_OUTCOME_NO_LISTING;
    case MARKET_LOCKED:
    case MARKET_UNDER_REVIEW:
        return STK_OUTCOME_LOCKED;
    case MARKET_DAILY_CAP:
        return STK_OUTCOME_RETRY;
    case MARKET_NO_REASON:
    case MARKET_BAD_VALUE:
    case MARKET_SYSTEM_ERROR:
        break;
    }
    return STK_OUTCOME_REFUSED;
}

struct stk_write_outcome outcome_of(struct stk_composer *out, const struct instance *instance,
                                    const struct pushed *item, const struct market_result *result,
                                    int64_t sent_ms, int64_t now_ms)
{
    struct stk_write_outcome outcome = {.grant = item->grant,
                                        .sent_at_ms = world_wall_ms(instance->world, sent_ms),
                                        .counter = STK_ABSENT};

    switch (result->outcome) {
    case MARKET_PENDING:
    case MARKET_ACCEPTED:
        outcome.outcome = STK_OUTCOME_ACCEPTED;
        break;
    case MARKET_APPLIED:
        outcome.outcome = STK_OUTCOME_APPLIED;
        outcome.applied_at_ms = world_wall_ms(instance->world, now_ms);
        outcome.counter = result->after;
        break;
    case MARKET_REFUSED:
        outcome.outcome = refused_as(result->reason);
        outcome.retry_after_ms = result->reason == MARKET_DAILY_CAP ? 3600000 : 0;
        outcome.code = stk_compose_string(out, reason_text(result->reason));
        break;
    case MARKET_MISMATCH:
        outcome.outcome = STK_OUTCOME_MISMATCH;
        outcome.counter = result->before;
        break;
    }
    return outcome;
}

struct stk_list compose_budgets(struct stk_composer *out, const struct instance *instance,
                                const struct market_answer *answer)
{
    static const char *const names[MARKET_ENDPOINTS] = {
        [MARKET_ORDERS] = "orders", [MARKET_PUSH] = "push",         [MARKET_REPORT] = "",
        [MARKET_READ] = "read",     [MARKET_DISCOVER] = "discover", [MARKET_OFFERS] = "offers"};
    struct stk_budget budget = {.limit = STK_ABSENT, .remaining = STK_ABSENT};

    if (!answer || !*names[answer->endpoint] || (answer->limit < 0 && !answer->retry_after_ms))
        return (struct stk_list){0, 0, 0, 0};
    budget.bucket = stk_compose_string(out, names[answer->endpoint]);
    if (answer->limit >= 0) {
        budget.limit = answer->limit;
        budget.remaining = answer->remaining;
    }
    budget.retry_after_ms = (uint32_t)world_span_ms(instance->world, answer->retry_after_ms);
    return stk_compose_list(out, &budget, sizeof(budget), 1);
}

stk_status_t status_of(const struct market_answer *answer)
{
    switch (answer->status) {
    case MARKET_OK:
    case MARKET_GONE:
        return STK_OK;
    case MARKET_THROTTLED:
        return STK_BUSY;
    case MARKET_UNAVAILABLE:
        return STK_IO;
    case MARKET_UNKNOWN:
        return STK_TIMEOUT;
    case MARKET_TOO_LARGE:
        return STK_TOO_LARGE;
    case MARKET_NOT_FOUND:
        return STK_NOT_FOUND;
    }
    return STK_INTERNAL;
}
