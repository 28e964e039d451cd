/* export skus|stock|orders|listings: CSV that import reads again. Money is decimal beside its
 * currency, times are ISO 8601 in UTC, lists are joined by commas. */
#include "tools/stockade/cli.h"
#include "tools/stockade/csv.h"
#include "tools/stockade/each.h"
#include "tools/stockade/show.h"
#include "tools/stockade/texts.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct export_kind {
    const char *name;
    struct each each;
    const char *inner;          /* list inside a thing: one row for each of its items, or NULL */
    const char *const *columns; /* NULL-terminated; looked for in the item, then the thing */
    const char *const *sources; /* the field of each column where it bears another name, or NULL */
};

static const char *const sku_columns[] = {"sku",
                                          "title",
                                          "barcodes",
                                          "aliases",
                                          "cost",
                                          "currency",
                                          "list_price",
                                          "map_price",
                                          "tax_class",
                                          "tags",
                                          "reorder_point",
                                          "reorder_quantity",
                                          "lead_time_days",
                                          NULL};
static const char *const stock_columns[] = {"sku",        "location",  "quantity", "held",
                                            "unsellable", "earmarked", NULL};
static const char *const stock_sources[] = {"sku",        "location",  "on_hand", "held",
                                            "unsellable", "earmarked", NULL};
static const char *const order_columns[] = {
    "order", "source",  "channel",   "state",    "placed_at",  "country",  "currency",
    "line",  "sku",     "listing",   "quantity", "unit_price", "discount", "tax",
    "held",  "shipped", "cancelled", "returned", "shortfall",  NULL};
static const char *const listing_columns[] = {"channel", "listing", "active", "sku", "units", NULL};
static const char *const sku_keys[] = {"sku", NULL};
static const char *const order_keys[] = {"order", "source", NULL};
static const char *const listing_keys[] = {"channel", "listing", NULL};

static const struct export_kind kinds[] = {
    {"skus",
     {"sku.list", NULL, "sku.get", sku_keys, "received", NULL, NULL},
     NULL,
     sku_columns,
     NULL},
    {"stock",
     {"sku.list", NULL, "stock.get", sku_keys, "cells", NULL, NULL},
     "cells",
     stock_columns,
     stock_sources},
    {"orders",
     {"order.list", NULL, "order.get", order_keys, "lines", NULL, NULL},
     "lines",
     order_columns,
     NULL},
    {"listings",
     {"listing.list", NULL, "listing.get", listing_keys, "components", NULL, NULL},
     "components",
     listing_columns,
     NULL},
};

struct export_run {
    const struct export_kind *kind;
    FILE *out;
    uint64_t rows;
    struct buffer line;
};

/* A cell of a table, but as a machine reads it again. */
static void add_cell(struct buffer *line, const char *name, const json_t *value,
                     const json_t *around, int first)
{
    struct buffer text = {0};
    int is_number;
    json_t *item;
    size_t i;
    if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            buffer_printf(&text, "%s%s", i ? "," : "", show_cell(name, item, around, &is_number));
        }
    } else if (json_is_boolean(value)) {
        buffer_text(&text, json_is_true(value) ? "true" : "false");
    } else if (!json_is_null(value)) {
        buffer_text(&text, show_cell(name, value, around, &is_number));
    }
    csv_field(line, (struct stk_bytes){buffer_string(&text), (uint32_t)text.size}, first);
    buffer_fini(&text);
}

static enum stk_status write_row(struct export_run *run, const json_t *item, const json_t *thing,
                                 const json_t *row, struct stk_error *err)
{
    const struct export_kind *kind = run->kind;
    buffer_clear(&run->line);
    for (int i = 0; kind->columns[i]; i++) {
        const char *name = kind->sources ? kind->sources[i] : kind->columns[i];
        const json_t *value = json_object_get(item, name);
        if (!value)
            value = json_object_get(thing, name);
        if (!value)
            value = json_object_get(row, name);
        add_cell(&run->line, name, value, thing, i == 0);
    }
    csv_end(&run->line);
    run->rows++;
    if (fwrite(run->line.data, 1, run->line.size, run->out) == run->line.size)
        return STK_OK;
    stk_error_errno(err, errno, T_WRITE);
    return err->status;
}

static enum stk_status on_thing(void *arg, const json_t *row, const json_t *thing,
                                struct stk_error *err)
{
    struct export_run *run = arg;
    json_t *items = run->kind->inner ? json_object_get(thing, run->kind->inner) : NULL, *item;
    size_t i;
    if (!run->kind->inner)
        return write_row(run, thing, thing, row, err);
    json_array_foreach(items, i, item)
    {
        if (write_row(run, item, thing, row, err) != STK_OK)
            return err->status;
    }
    return STK_OK;
}

static enum stk_status export_to(struct cli *cli, const struct export_kind *kind, FILE *out,
                                 uint64_t *rows, struct stk_error *err)
{
    struct export_run run = {.kind = kind, .out = out};
    struct each each = kind->each;
    struct client *client;
    if (client_open(&client, &cli->options, err) != STK_OK)
        return STK_IO;
    for (int i = 0; kind->columns[i]; i++)
        csv_text(&run.line, kind->columns[i], i == 0);
    csv_end(&run.line);
    fputs(run.line.data, out);
    each.fn = on_thing;
    each.arg = &run;
    enum stk_status status = each_thing(client, &each, err);
    if (status == STK_OK && fflush(out))
        status = stk_error_errno(err, errno, T_WRITE);
    *rows = run.rows;
    buffer_fini(&run.line);
    client_close(client);
    return status;
}

static int run(struct cli *cli, const struct export_kind *kind, const char *path)
{
    struct stk_error err = {0};
    uint64_t rows = 0;
    FILE *out = path ? fopen(path, "w") : stdout;
    if (!out) {
        stk_error_errno(&err, errno, T_OPEN, path);
        return cli_fail(cli, EXIT_CONNECT, &err);
    }
    enum stk_status status = export_to(cli, kind, out, &rows, &err);
    if (path && fclose(out) && status == STK_OK)
        status = stk_error_errno(&err, errno, T_WRITE);
    if (status != STK_OK)
        return cli_fail(
            cli, status == STK_IO || status == STK_TIMEOUT ? EXIT_CONNECT : EXIT_REFUSED, &err);
    if (path)
        fprintf(stderr, T_EXPORTED, path, rows);
    return EXIT_DONE;
}

int cli_export(struct cli *cli)
{
    struct stk_error err = {0};
    const struct export_kind *kind = NULL;
    for (size_t i = 0; cli->argc && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(cli->argv[0], kinds[i].name))
            kind = &kinds[i];
    if (cli->help) {
        fputs(T_EXPORT_HELP, stdout);
        return EXIT_DONE;
    }
    if (!kind || cli->argc > 2 || (cli->argc == 2 && cli->argv[1][0] == '-' && cli->argv[1][1])) {
        stk_error_set(&err, STK_INVALID, "%s", T_EXPORT_KINDS);
        return cli_fail(cli, EXIT_USAGE, &err);
    }
    return run(cli, kind, cli->argc == 2 && strcmp(cli->argv[1], "-") ? cli->argv[1] : NULL);
}
