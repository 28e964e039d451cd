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

int model_covers(const struct model *m, const struct model_line *line, int lines, int64_t *covered)
{
    int64_t free_units[MODEL_SKUS];
    int all = 1;
    for (int s = 0; s < MODEL_SKUS; s++) {
        free_units[s] = m->on_hand[s] - model_held(m, s);
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

void model_place(struct model *m, int id, const struct model_line *line, int lines, int fact,
                 int64_t expires_ms)
{
    int64_t covered[MODEL_LINES];
    struct model_order *o = &m->order[id];
    model_covers(m, line, lines, covered);
    memset(o, 0, sizeof *o);
    o->state = PLACED;
    o->fact = fact;
    o->expires_ms = expires_ms;
    o->lines = lines;
    for (int i = 0; i < lines; i++) {
        o->line[i] = line[i];
        o->line[i].short_units = line[i].quantity - covered[i];
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

static void cancel_line(struct model_line *l, int64_t units)
{
    int64_t from_short = units < l->short_units ? units : l->short_units;
    l->short_units -= from_short;
    l->cancelled += units;
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
        cancel_line(&o->line[i], !line ? open_units(&o->line[i]) : i == line - 1 ? units : 0);
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
        cancel_line(&o->line[i], open_units(&o->line[i]));
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
