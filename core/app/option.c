/* Options: one table; reading, printing and messages follow from it.
 *
 * Always true: the default of an option stands in stk_config_defaults and nowhere else; a number
 * that is formatted parses back the same. Any thread; constant. */
#include "core/app/option.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define GIB    (INT64_C(1) << 30)
#define MIB    (INT64_C(1) << 20)
#define KIB    (INT64_C(1) << 10)

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

static const struct stk_section sections[] = {
    {"log", "What is written to stderr."},
    {"engine",
     "Capacities: address space is reserved for them, memory is used as they fill. A full\n"
     "# one refuses with FULL and its name; raise it here and restart."},
    {"journal", "J: every effect in order, in segments below <data>/journal."},
    {"state", "S: the rows, folded from the journal, below <data>/state."},
    {"rpc", "MessagePack-RPC."},
    {"backup", "Where backups go."},
    {NULL, NULL},
};

#define AT(member) offsetof(struct stk_config, member)
#define OPTION(section_, name_, type_, member, min_, max_, help_)                                  \
    {                                                                                              \
        .section = section_, .name = name_, .type = type_,                                         \
        .width = sizeof(((struct stk_config *)0)->member), .offset = AT(member), .min = (min_),    \
        .max = (max_), .help = help_                                                               \
    }
#define TEXT_OPTION(section_, name_, member, help_)                                                \
    {                                                                                              \
        .section = section_, .name = name_, .type = STK_OPTION_TEXT,                               \
        .size = sizeof(((struct stk_config *)0)->member), .offset = AT(member), .help = help_      \
    }
#define CAPACITY(name_, min_, max_, help_)                                                         \
    OPTION("engine", #name_, STK_OPTION_NUMBER, engine.name_, min_, max_, help_)

static const struct stk_option options[] = {
    TEXT_OPTION(NULL, "data", data, "the data folder; made when it is missing"),
    {.section = "log",
     .name = "level",
     .type = STK_OPTION_CHOICE,
     .offset = AT(log_level),
     .names = log_levels,
     .help = "error, warn, info or debug"},

    CAPACITY(skus, 16, 100000000, "SKUs"),
    CAPACITY(cells, 16, 200000000, "cells: a SKU at a location"),
    CAPACITY(listings, 16, 100000000, "listings"),
    CAPACITY(components, 16, 200000000, "components of all listings"),
    CAPACITY(orders, 16, 100000000, "orders in memory: open ones, and closed ones of a day"),
    CAPACITY(holds, 16, 200000000, "holds of these orders: a line at a cell"),
    OPTION("engine", "order_bytes", STK_OPTION_BYTES, engine.order_bytes, MIB, 64 * GIB,
           "lines and ids of these orders"),
    OPTION("engine", "text_bytes", STK_OPTION_BYTES, engine.text_bytes, MIB, 64 * GIB,
           "ids and attributes of SKUs and listings"),
    CAPACITY(keys, 1024, 100000000, "idempotency keys in memory; older ones are looked up on disk"),
    OPTION("engine", "key_bytes", STK_OPTION_BYTES, engine.key_bytes, MIB, 64 * GIB,
           "answers remembered in memory"),
    CAPACITY(keys_on_disk, 1024, 2000000000,
             "keys on disk within key_window; 4 bytes of memory each"),
    CAPACITY(movements, 1024, 100000000, "movements kept, so that a late count can be corrected"),
    CAPACITY(incoming, 16, 10000000, "incoming documents by SKU and location"),
    CAPACITY(earmarks, 16, 10000000, "earmarks"),
    CAPACITY(transfers, 16, 10000000, "transfers under way, by SKU"),
    CAPACITY(shortfalls, 16, 10000000, "order lines that are short"),
    CAPACITY(snapshot_rows, 1024, 100000000, "rows of snapshots that are not applied yet"),
    CAPACITY(early, 16, 10000000, "cancels that came before their order"),
    CAPACITY(published, 16, 100000000, "things that channels are told: one or more a listing"),
    CAPACITY(promises, 16, 100000000, "counters of channels in guaranteed mode"),
    CAPACITY(notes, 16, 10000000, "plugins' durable key-values"),
    OPTION("engine", "note_bytes", STK_OPTION_BYTES, engine.note_bytes, MIB, 64 * GIB,
           "memory for their contents"),
    OPTION("engine", "key_window", STK_OPTION_SPAN, engine.key_window_ms, 60000, 400 * DAY_MS,
           "an idempotency key is remembered so long"),
    OPTION("engine", "closed_keep", STK_OPTION_SPAN, engine.closed_keep_ms, 0, 400 * DAY_MS,
           "a closed order stays in memory so long ..."),
    CAPACITY(closed_keep_max, 0, 100000000, "... but at most so many of them"),
    OPTION("engine", "movement_window", STK_OPTION_SPAN, engine.movement_window_ms, 60000,
           60 * DAY_MS, "a count may be so old"),
    OPTION("engine", "breaker_percent", STK_OPTION_NUMBER, engine.breaker_percent, 1, 100,
           "a snapshot that zeroes or halves more of the SKUs is held until a person agrees"),
    CAPACITY(orders_touched, 0, 100000000,
             "memory for so many orders is touched at start, not when the first of them come"),
    OPTION("engine", "recovery_grace", STK_OPTION_SPAN, engine.recovery_grace_ms, 0, 3600000,
           "nothing expires so long after a start"),

    OPTION("journal", "segment_bytes", STK_OPTION_BYTES, journal.segment_bytes,
           (int64_t)STK_SEGMENT_BYTES_MIN, 64 * GIB, "size of one segment, written ahead of need"),
    OPTION("journal", "retain_bytes", STK_OPTION_BYTES, journal.retain_bytes, 0, 1024 * 1024 * GIB,
           "whole segments beyond this are cut; 0 = no limit"),
    OPTION("journal", "retain", STK_OPTION_SPAN, journal.retain_ms, 0, 4000 * DAY_MS,
           "segments older than this are cut; 0 = no limit"),
    OPTION("journal", "free_bytes_min", STK_OPTION_BYTES, journal.free_bytes_min, 0, 1024 * GIB,
           "with less free on the disk, writes are refused and reads go on"),

    OPTION("state", "map_bytes", STK_OPTION_BYTES, state_map_bytes, MIB, 1024 * 1024 * GIB,
           "first size of the map; it grows"),
    OPTION("state", "fold_pause", STK_OPTION_SPAN, fold.pause_ms, 1, 60000, "between two folds"),
    OPTION("state", "fold_bytes_max", STK_OPTION_BYTES, fold.batch_bytes_max, MIB,
           STK_FOLD_BYTES_MAX, "of the journal taken into one fold: bounds its memory"),
    OPTION("state", "run_keys", STK_OPTION_NUMBER, fold.run_keys, 1024, STK_RUN_KEYS_MAX,
           "idempotency keys that are put into one sorted run"),
    OPTION("state", "run_age", STK_OPTION_SPAN, fold.run_age_ms, 1000, 7 * DAY_MS,
           "or as soon as the oldest of them is so old"),
    OPTION("state", "orders_keep", STK_OPTION_SPAN, fold.order_window_ms, DAY_MS, 4000 * DAY_MS,
           "archived orders are kept so long"),

    TEXT_OPTION("rpc", "unix", rpc_unix,
                "path of the Unix socket, for its owner only; \"\" = <data>/stockade.sock; none"),
    {.section = "rpc",
     .name = "listen",
     .type = STK_OPTION_ADDRESSES,
     .offset = AT(rpc_listen),
     .help = "TCP addresses, host:port or [host]:port; [] = none"},
    OPTION("rpc", "plaintext", STK_OPTION_FLAG, rpc_plaintext, 0, 1,
           "allow an address beyond this machine without TLS (which is not there yet); tokens are\n"
           "  # needed then, and they and all orders cross the network readable by others"),
    OPTION("rpc", "connections_max", STK_OPTION_NUMBER, rpc.connections_max, 1,
           STK_RPC_CONNECTIONS_MAX, "connections at once; one more is refused with FULL"),
    OPTION("rpc", "inflight_max", STK_OPTION_NUMBER, rpc.inflight_max, 1, 1000000,
           "calls in flight per connection (a page counts for 64); then it is not read"),
    OPTION("rpc", "out_bytes_max", STK_OPTION_BYTES, rpc.out_max_bytes, 64 * KIB, 512 * MIB,
           "answers that wait for one peer; then it is not read"),
    OPTION("rpc", "buffers_bytes_max", STK_OPTION_BYTES, rpc.buffers_max_bytes, 16 * MIB,
           1024 * GIB, "buffers of all connections together; then the one that has most is cut"),
    OPTION("rpc", "timeout", STK_OPTION_SPAN, rpc.timeout_ms, 2000, 3600000,
           "who sends half a message, or does not fetch its answers, is cut after this"),

    TEXT_OPTION("backup", "folder", backup_folder, "\"\" = <data>/backups"),
    {.name = NULL},
};

const struct stk_option *stk_options(void)
{
    return options;
}

const struct stk_option *stk_option_find(const char *section, const char *name)
{
    for (const struct stk_option *option = options; option->name; option++)
        if (strcmp(option->name, name) == 0 &&
            (section ? option->section && strcmp(option->section, section) == 0 : !option->section))
            return option;
    return NULL;
}

const struct stk_section *stk_section_find(const char *name)
{
    for (const struct stk_section *section = sections; section->name; section++)
        if (strcmp(section->name, name) == 0)
            return section;
    return NULL;
}

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to change, add or drop to come from one word to the other; words beyond 40 letters are
 * far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t row[41];
    size_t size = strlen(b);
    if (size > 40 || strlen(a) > 40)
        return SIZE_MAX;
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= size; j++) {
            size_t above = row[j];
            row[j] = minimum(minimum(row[j], row[j - 1]) + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[size];
}

static void consider(const char *wanted, const char *name, const char **nearest, size_t *least)
{
    size_t far = distance(wanted, name);
    if (far < *least) {
        *least = far;
        *nearest = name;
    }
}

/* section NULL: the top, where sections and options without one stand. */
const char *stk_option_nearest(const char *section, const char *wanted)
{
    const char *nearest = NULL;
    size_t least = strlen(wanted) / 2 + 1;
    for (const struct stk_option *option = options; option->name; option++)
        if (section ? option->section && strcmp(option->section, section) == 0 : !option->section)
            consider(wanted, option->name, &nearest, &least);
    for (const struct stk_section *at = sections; !section && at->name; at++)
        consider(wanted, at->name, &nearest, &least);
    if (!section)
        consider(wanted, "tokens", &nearest, &least),
            consider(wanted, "channels", &nearest, &least);
    return nearest;
}

/* --- the memory of an option --- */

int64_t stk_option_get(const struct stk_config *config, const struct stk_option *option)
{
    const uint8_t *at = (const uint8_t *)config + option->offset;
    uint32_t narrow;
    int64_t wide;
    if (option->type == STK_OPTION_FLAG || option->type == STK_OPTION_CHOICE)
        return *at;
    if (option->width == 4) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

void stk_option_set(struct stk_config *config, const struct stk_option *option, int64_t value)
{
    uint8_t *at = (uint8_t *)config + option->offset;
    uint32_t narrow = (uint32_t)value;
    if (option->type == STK_OPTION_FLAG || option->type == STK_OPTION_CHOICE)
        *at = (uint8_t)value;
    else if (option->width == 4)
        memcpy(at, &narrow, sizeof narrow);
    else
        memcpy(at, &value, sizeof value);
}

/* --- numbers with units --- */

struct unit {
    const char *name;
    int64_t factor;
};
/* largest first: what is printed takes the largest that divides */
static const struct unit byte_units[] = {{"TiB", 1024 * GIB}, {"GiB", GIB}, {"MiB", MIB},
                                         {"KiB", KIB},        {"B", 1},     {NULL, 0}};
static const struct unit span_units[] = {{"d", DAY_MS}, {"h", 3600000}, {"min", 60000},
                                         {"s", 1000},   {"ms", 1},      {NULL, 0}};
static const struct unit no_units[] = {{NULL, 0}};

static const struct unit *units_of(const struct stk_option *option)
{
    return option->type == STK_OPTION_BYTES  ? byte_units
           : option->type == STK_OPTION_SPAN ? span_units
                                             : no_units;
}

/* "500", "8MiB", "7 d". 0 when it is no such number. */
int stk_option_parse(const struct stk_option *option, const char *text, int64_t *value)
{
    const struct unit *unit = units_of(option);
    char *end;
    long long number;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno)
        return 0;
    if (!*end && (option->type != STK_OPTION_SPAN || number == 0)) {
        *value = number;
        return 1;
    }
    while (*end == ' ')
        end++;
    for (; unit->name; unit++)
        if (strcmp(unit->name, end) == 0)
            return !__builtin_mul_overflow(number, unit->factor, value);
    return 0;
}

void stk_option_format(const struct stk_option *option, int64_t value, char *text, size_t size)
{
    const struct unit *unit = units_of(option);
    while (unit->name && (value == 0 || value % unit->factor != 0))
        unit++;
    snprintf(text, size, "%lld%s", (long long)(unit->name ? value / unit->factor : value),
             unit->name ? unit->name : "");
}
