/* What becomes visible when: orders, cancels and returns show late in the list that polls read,
 * and perhaps as a webhook, which is a hint and no more. */
#include "plugins/simulator/inside.h"

#define HOOK_MEAN_MS 4000

static int64_t showing_delay(struct channel *channel, enum market_event_kind kind)
{
    const struct market_channel *config = channel->config;
    int placed = kind == MARKET_PLACED;
    int64_t delay, most = placed ? config->order_late_max_ms : config->cancel_late_max_ms;

    if (chance_hits(&channel->faults, config->faults.order_beyond_ppm)) {
        market_saw(channel, MARKET_FAULT_ORDER_BEYOND);
        return chance_between(&channel->faults, most + 1, 5 * most + 1);
    }
    if (chance_hits(&channel->faults, config->faults.late_order_ppm)) {
        market_saw(channel, placed ? MARKET_FAULT_LATE_ORDER : MARKET_FAULT_LATE_CANCEL);
        return chance_between(&channel->faults, most / 2, most);
    }
    delay = chance_mean(&channel->network, config->order_late_mean_ms);
    return delay < most ? delay : most;
}

void event_plan(struct market *market, struct channel *channel, uint32_t number,
                enum market_event_kind kind)
{
    if (channel->config->kind == MARKET_SHOP && kind == MARKET_PLACED)
        return; /* who asked knows */
    channel->orders[number].refs++;
    market_plan(market, market->now_ms + showing_delay(channel, kind), WHAT_SHOWN,
                market_number(market, channel), number, (uint32_t)kind);
}

/* One delivery of a webhook: forgotten when too many are waiting already. */
static void hook_send(struct market *market, struct channel *channel,
                      const struct market_event *event)
{
    uint32_t hook;

    if (!channel->hook_free_count) {
        market_saw(channel, MARKET_FAULT_HOOK_LOST);
        return;
    }
    hook = channel->hook_free[--channel->hook_free_count];
    channel->hooks[hook] = *event;
    market_plan(market, market->now_ms + 50 + chance_mean(&channel->network, HOOK_MEAN_MS),
                WHAT_HOOK, market_number(market, channel), hook, 0);
}

static void hooks_send(struct market *market, struct channel *channel,
                       const struct market_event *event)
{
    const struct market_faults *faults = &channel->config->faults;

    if (!channel->config->hooks_max)
        return;
    if (chance_hits(&channel->faults, faults->lost_hook_ppm)) {
        market_saw(channel, MARKET_FAULT_HOOK_LOST);
        return;
    }
    hook_send(market, channel, event);
    if (chance_hits(&channel->faults, faults->duplicate_ppm)) {
        market_saw(channel, MARKET_FAULT_HOOK_DUPLICATE);
        hook_send(market, channel, event);
    }
}

void event_shown(struct market *market, struct channel *channel, uint32_t number,
                 enum market_event_kind kind)
{
    struct order *order = &channel->orders[number];
    struct market_event *event =
        &channel->events[channel->event_next++ % channel->config->events_max];

    *event = (struct market_event){.order = order->id,
                                   .placed_ms = order->placed_ms,
                                   .at_ms = kind == MARKET_PLACED    ? order->placed_ms
                                            : kind == MARKET_SHIPPED ? order->ship_ms
                                                                     : order->end_ms,
                                   .kind = kind,
                                   .restocked = order->restocked && kind != MARKET_PLACED,
                                   .lines = order->lines};
    for (uint32_t i = 0; i < order->lines; i++)
        event->line[i] = order->line[i];
    if (kind == MARKET_PLACED)
        order->shown = 1;
    else if (kind == MARKET_CANCELLED && !order->shown && channel->config->kind != MARKET_SHOP)
        market_saw(channel, MARKET_FAULT_CANCEL_FIRST);
    hooks_send(market, channel, event);
    order_let_go(channel, number);
}

void hook_arrives(struct market *market, struct channel *channel, uint32_t hook)
{
    (void)market;
    channel
        ->hook_ready[(channel->hook_first + channel->hook_count++) % channel->config->hooks_max] =
        hook;
}

int market_hook(struct market *market, uint32_t number, struct market_event *event)
{
    struct channel *channel = &market->channel[number];
    uint32_t hook;

    if (!channel->hook_count)
        return 0;
    hook = channel->hook_ready[channel->hook_first];
    channel->hook_first = (channel->hook_first + 1) % channel->config->hooks_max;
    channel->hook_count--;
    channel->hook_free[channel->hook_free_count++] = hook;
    *event = channel->hooks[hook];
    return 1;
}

/* ---- the list ---- */

static void page_fill(struct channel *channel, struct call *call, uint64_t from, uint32_t max)
{
    struct market_event *events = call->room;
    uint32_t count = 0;

    while (from < channel->event_next && count < max)
        events[count++] = channel->events[from++ % channel->config->events_max];
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (chance_hits(&channel->faults, channel->config->faults.reorder_ppm)) {
            struct market_event kept = events[i];
            events[i] = events[i + 1];
            events[i + 1] = kept;
            market_saw(channel, MARKET_FAULT_REORDERED);
        }
    }
    call->answer.count = count;
    call->answer.cursor = from;
    call->answer.more = from < channel->event_next;
}

/* Where the page begins: a few events before the cursor at times. Leaves room to get on. */
static uint64_t page_start(struct channel *channel, uint64_t cursor, uint64_t oldest, uint32_t max)
{
    uint64_t back;
    if (max < 2 || !chance_hits(&channel->faults, channel->config->faults.duplicate_ppm))
        return cursor;
    back = 1 + chance_below(&channel->faults, max - 1 < 3 ? max - 1 : 3);
    if (back > cursor - oldest)
        return cursor;
    market_saw(channel, MARKET_FAULT_DUPLICATE);
    return cursor - back;
}

uint64_t market_orders_poll(struct market *market, uint32_t number, uint64_t cursor, uint32_t max)
{
    struct channel *channel = &market->channel[number];
    const struct market_channel *config = channel->config;
    struct call *call = call_begin(market, channel, MARKET_ORDERS);
    uint64_t kept = config->events_max;
    uint64_t oldest = channel->event_next > kept ? channel->event_next - kept : 0;

    if (!call)
        return 0;
    call->answer.events = call->room;
    if (max > config->page_max || !max)
        max = config->page_max;
    if (cursor > channel->event_next)
        cursor = channel->event_next;
    if (call->works && cursor < oldest) {
        call->answer.status = MARKET_GONE;
        call->answer.cursor = oldest;
    } else if (call->works) {
        uint64_t from = page_start(channel, cursor, oldest, max);
        if (chance_hits(&channel->faults, config->faults.partial_ppm)) {
            market_saw(channel, MARKET_FAULT_PARTIAL);
            uint32_t least = (uint32_t)(cursor - from) + 1;
            max = (uint32_t)chance_between(&channel->faults, least, max);
        }
        page_fill(channel, call, from, max);
        if (config->tells_watermark && !call->answer.more &&
            market->now_ms - config->order_late_max_ms > market->config.start_ms)
            call->answer.watermark_ms = market->now_ms - config->order_late_max_ms;
    }
    return call_end(market, channel, call, market->now_ms);
}
