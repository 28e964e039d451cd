#include "tests/sim/model.h"
#include <string.h>

static int64_t open_units(const struct model_line *l)
{
    return l->quantity - l->shipped - l->cancelled;
}

static int64_t held_units(const struct model_line *l)
{
    return open_units(l) - l->short_units;
}

/* Units of `sku` in one unit of the line. */
static int64_t part(const struct model_line *l, int sku)
{
    if (!l->kit)
        return l->sku == sku;
    return l->sku == sku ? 2 : (l->sku + 1) % MODEL_SKUS == sku;
}

int64_t model_held(const struct model *m, int sku)
{
    int64_t held = 0;
    for (int o = 0; o < MODEL_ORDERS; o++)
        for (int i = 0; m->order[o].state && i < m->order[o].lines; i++)
            held += held_units(&m->order[o].line[i]) * part(&m->order[o].line[i], sku);
    return held;
}

int model_covers(const struct model *m, const struct model_line *line, int lines, int vip,
                 int64_t *covered)
{
    int64_t free_units[MODEL_SKUS];
    int all = 1;
    for (int s = 0; s < MODEL_SKUS; s++) {
        free_units[s] = m->on_hand[s] - model_held(m, s) - m->mark[s][OTHER].left;
        free_units[s] -= vip ? 0 : m->mark[s][VIP].left;
        if (free_units[s] < 0)
            free_units[s] = 0;
    }
    for (int i = 0; i < lines; i++) {
        covered[i] = line[i].quantity;
        for (int s = 0; s < MODEL_SKUS; s++)
            if (part(&line[i], s) && free_units[s] / part(&line[i], s) < covered[i])
                covered[i] = free_units[s] / part(&line[i], s);
        for (int s = 0; s < MODEL_SKUS; s++)
            free_units[s] -= covered[i] * part(&line[i], s);
        all &= covered[i] == line[i].quantity;
    }
    return all;
}

static void take_marks(struct model *m, struct model_line *l, int64_t covered, int vip)
{
    for (int s = MODEL_MARKED; s < MODEL_SKUS; s++) {
        int64_t wanted = covered * part(l, s);
        for (int use = vip ? VIP : SHOP; use < OTHER; use++) {
            struct model_mark *mark = &m->mark[s][use];
            int64_t taken = mark->left < wanted ? mark->left : wanted;
            mark->left -= taken;
            wanted -= taken;
            l->off[s][use] = taken;
            l->off_number[s][use] = mark->number;
        }
    }
}

void model_place(struct model *m, int id, const struct model_line *line, int lines, int fact,
                 int vip, int64_t expires_ms)
{
    int64_t covered[MODEL_LINES];
    struct model_order *o = &m->order[id];
    model_covers(m, line, lines, vip, covered);
    memset(o, 0, sizeof *o);
    o->state = PLACED;
    o->fact = fact;
    o->expires_ms = expires_ms;
    o->lines = lines;
    for (int i = 0; i < lines; i++) {
        o->line[i] = line[i];
        o->line[i].short_units = line[i].quantity - covered[i];
        take_marks(m, &o->line[i], covered[i], vip);
    }
}

static void settle(struct model_order *o)
{
    int64_t open = 0, shipped = 0, returned = 0;
    for (int i = 0; i < o->lines; i++) {
        open += open_units(&o->line[i]);
        shipped += o->line[i].shipped;
        returned += o->line[i].returned;
    }
    if (open == 0 && shipped)
        o->state = shipped == returned ? RETURNED : SHIPPED;
    else if (open == 0 && o->state != EXPIRED)
        o->state = CANCELLED;
}

int model_pay(struct model *m, int id)
{
    struct model_order *o = &m->order[id];
    if (o->state == CANCELLED || o->state == EXPIRED)
        return 0;
    o->paid = 1;
    if (o->state == PLACED)
        o->state = PAID;
    o->expires_ms = o->left_ms = 0;
    return 1;
}

int model_review(struct model *m, int id)
{
    struct model_order *o = &m->order[id];
    if (o->state == REVIEW)
        return 1;
    if (o->state != PLACED && o->state != PAID)
        return 0;
    o->left_ms = o->expires_ms ? o->expires_ms - m->now_ms : 0;
    if (o->expires_ms && o->left_ms <= 0)
        o->left_ms = 1;
    o->expires_ms = 0;
    o->state = REVIEW;
    return 1;
}

int model_release(struct model *m, int id)
{
    struct model_order *o = &m->order[id];
    if (o->state != REVIEW)
        return 0;
    o->state = o->paid ? PAID : PLACED;
    if (o->state == PLACED && o->left_ms)
        o->expires_ms = m->now_ms + o->left_ms;
    o->left_ms = 0;
    return 1;
}

int model_extend(struct model *m, int id, int64_t ttl_ms)
{
    struct model_order *o = &m->order[id];
    if (o->state != PLACED || !o->expires_ms)
        return 0;
    o->expires_ms = m->now_ms + ttl_ms;
    return 1;
}

static void ship_line(struct model *m, struct model_line *l, int64_t units)
{
    for (int s = 0; s < MODEL_SKUS; s++) {
        int64_t out = units * part(l, s);
        m->on_hand[s] -= out;
        m->shipped[s] += out;
        for (int use = 0; use < OTHER; use++) { /* of earmarks first, as they were taken */
            int64_t marked = l->off[s][use] < out ? l->off[s][use] : out;
            l->off[s][use] -= marked;
            out -= marked;
        }
    }
    l->shipped += units;
}

int model_ship(struct model *m, int id, int line, int64_t units)
{
    struct model_order *o = &m->order[id];
    int64_t sum = 0;
    if (o->state != PLACED && o->state != PAID)
        return 0;
    for (int i = 0; i < o->lines; i++)
        sum += !line ? held_units(&o->line[i]) : 0;
    if (line ? line > o->lines || units > held_units(&o->line[line - 1]) : sum == 0)
        return 0;
    for (int i = 0; i < o->lines; i++)
        ship_line(m, &o->line[i], !line ? held_units(&o->line[i]) : i == line - 1 ? units : 0);
    settle(o);
    return 1;
}

/* As if no more had been ordered than what stays: the last taken goes back first. */
static void give_back_marks(struct model *m, struct model_line *l)
{
    for (int s = MODEL_MARKED; s < MODEL_SKUS; s++) {
        int64_t stays = held_units(l) * part(l, s);
        int64_t back = l->off[s][VIP] + l->off[s][SHOP] - stays;
        for (int use = SHOP; use >= VIP && back > 0; use--) {
            struct model_mark *mark = &m->mark[s][use];
            int64_t units = l->off[s][use] < back ? l->off[s][use] : back;
            int same = mark->lives && mark->number == l->off_number[s][use];
            if (same && (!mark->until_ms || mark->until_ms > m->now_ms))
                mark->left += units;
            l->off[s][use] -= units;
            back -= units;
        }
    }
}

static void cancel_line(struct model *m, struct model_line *l, int64_t units)
{
    int64_t from_short = units < l->short_units ? units : l->short_units;
    l->short_units -= from_short;
    l->cancelled += units;
    give_back_marks(m, l);
}

int model_earmark(struct model *m, int sku, enum model_use use, int64_t units, int64_t until_ms)
{
    struct model_mark *mark = &m->mark[sku][use];
    int64_t free_units = m->on_hand[sku] - model_held(m, sku);
    for (int other = 0; other < MODEL_USES; other++)
        free_units -= other == (int)use ? 0 : m->mark[sku][other].left;
    if (units > free_units)
        return 0;
    mark->left = units;
    mark->until_ms = until_ms;
    if (!units) {
        mark->lives = 0;
        mark->number++;
    } else {
        mark->lives = 1;
    }
    return 1;
}

int model_earmark_ended(struct model *m, int sku, enum model_use use)
{
    struct model_mark *mark = &m->mark[sku][use];
    int may = mark->until_ms && mark->until_ms <= m->now_ms;
    int64_t out = 0;
    for (int o = 0; o < MODEL_ORDERS && use != OTHER; o++)
        for (int i = 0; i < m->order[o].lines; i++)
            if (m->order[o].line[i].off_number[sku][use] == mark->number)
                out += m->order[o].line[i].off[sku][use];
    may |= mark->left == 0 && out == 0;
    *mark = (struct model_mark){.number = mark->number + 1};
    return may;
}

int model_cancel(struct model *m, int id, int line, int64_t units)
{
    struct model_order *o = &m->order[id];
    int64_t sum = 0;
    for (int i = 0; i < o->lines; i++)
        sum += open_units(&o->line[i]);
    if (line && (line > o->lines || units > open_units(&o->line[line - 1])))
        return 0;
    if (!line && sum == 0)
        return o->state == CANCELLED || o->state == EXPIRED;
    for (int i = 0; i < o->lines; i++)
        cancel_line(m, &o->line[i], !line ? open_units(&o->line[i]) : i == line - 1 ? units : 0);
    settle(o);
    return 1;
}

int model_return(struct model *m, int id, int line, int64_t units, int unsellable)
{
    struct model_order *o = &m->order[id];
    int64_t sum = 0;
    for (int i = 0; i < o->lines; i++)
        sum += o->line[i].shipped - o->line[i].returned;
    if (line ? line > o->lines || units > o->line[line - 1].shipped - o->line[line - 1].returned
             : sum == 0)
        return 0;
    for (int i = 0; i < o->lines; i++) {
        struct model_line *l = &o->line[i];
        int64_t back = !line ? l->shipped - l->returned : i == line - 1 ? units : 0;
        for (int s = 0; s < MODEL_SKUS; s++) {
            m->returned[s] += back * part(l, s);
            *(unsellable ? &m->unsellable[s] : &m->on_hand[s]) += back * part(l, s);
        }
        l->returned += back;
    }
    settle(o);
    return 1;
}

void model_expire(struct model *m, int id)
{
    struct model_order *o = &m->order[id];
    o->state = EXPIRED;
    for (int i = 0; i < o->lines; i++)
        cancel_line(m, &o->line[i], open_units(&o->line[i]));
    settle(o);
}

void model_cancel_early(struct model *m, int id)
{
    m->early_ms[id] = m->now_ms;
}

int model_early(struct model *m, int id, int forgotten)
{
    int64_t age_ms = m->now_ms - m->early_ms[id];
    if (!forgotten)
        return age_ms <= MODEL_WINDOW_MS + MODEL_LATE_MS;
    m->early_ms[id] = 0;
    return age_ms > MODEL_WINDOW_MS;
}

const char *model_state_name(enum model_state state)
{
    static const char *const names[] = {"none",    "placed",    "paid",    "review",
                                        "shipped", "cancelled", "expired", "returned"};
    return names[state];
}
