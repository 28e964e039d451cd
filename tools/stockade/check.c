/* check: conservation of every SKU, asked of the engine: received + returned + found = on_hand +
 * unsellable + in transit + shipped + written off. */
#include "tools/stockade/cli.h"
#include "tools/stockade/each.h"
#include "tools/stockade/json.h"
#include "tools/stockade/report.h"
#include "tools/stockade/show.h"
#include "tools/stockade/table.h"
#include "tools/stockade/texts.h"
#include <string.h>

#define IN        3 /* the first so many parts came in, the rest is where they are */
#define PARTS     8
#define SHOWN_MAX 20

static const char *const parts[PARTS] = {"received",   "returned",   "found",   "on_hand",
                                         "unsellable", "in_transit", "shipped", "written_off"};

struct check {
    int64_t sums[PARTS];
    uint64_t skus, sold_out, wrong;
    json_t *shown; /* rows of the first wrong ones */
};

/* The engine may say the ledger beside the attributes or in a map of its own. */
static const json_t *find_part(const json_t *thing, const char *name)
{
    const char *key;
    json_t *child, *map = (json_t *)(uintptr_t)thing;
    const json_t *found = json_object_get(thing, name);
    json_object_foreach(map, key, child)
    {
        if (!found && json_is_object(child))
            found = json_object_get(child, name);
    }
    return found;
}

static enum stk_status on_sku(void *arg, const json_t *row, const json_t *thing,
                              struct stk_error *err)
{
    struct check *check = arg;
    int64_t values[PARTS], difference = 0;
    for (int i = 0; i < PARTS; i++) {
        const json_t *part = find_part(thing, parts[i]);
        if (!json_is_integer(part))
            return stk_error_set(err, STK_VERSION, T_CHECK_PART, parts[i]);
        values[i] = json_integer_value(part);
        check->sums[i] += values[i];
        difference += i < IN ? values[i] : -values[i];
    }
    check->skus++;
    check->sold_out += values[IN] == 0 && values[0] > 0;
    if (!difference)
        return STK_OK;
    if (check->wrong++ < SHOWN_MAX) {
        json_t *wrong = json_object();
        json_object_set(wrong, "sku", json_object_get(row, "sku"));
        for (int i = 0; i < PARTS; i++)
            json_object_set_new(wrong, parts[i], json_integer(values[i]));
        json_object_set_new(wrong, "difference", json_integer(difference));
        json_array_append_new(check->shown, wrong);
    }
    return STK_OK;
}

static void print_text(const struct check *check)
{
    struct table table;
    char number[REPORT_NUMBER];
    int64_t in = 0, out = 0;
    table_init(&table);
    table_column(&table, "");
    table_column(&table, "units");
    for (int i = 0; i < PARTS; i++) {
        *(i < IN ? &in : &out) += check->sums[i];
        table_row(&table);
        table_cell(&table, 0, parts[i], 0);
        table_cell(&table, 1, report_number((uint64_t)check->sums[i], number), 1);
        if (i != IN - 1 && i != PARTS - 1)
            continue;
        table_row(&table);
        table_cell(&table, 0, i < IN ? T_CHECK_IN : T_CHECK_OUT, 0);
        table_cell(&table, 1, report_number((uint64_t)(i < IN ? in : out), number), 1);
    }
    table_print(&table, stdout);
    table_fini(&table);
    if (check->wrong)
        printf(T_CHECK_WRONG, check->wrong, check->skus);
    else
        printf(T_CHECK_RIGHT, check->skus, check->sold_out);
    if (check->wrong)
        show_table(check->shown, NULL, stdout);
}

static void print_json(const struct check *check)
{
    json_t *json = json_object();
    json_object_set_new(json, "skus", json_integer((json_int_t)check->skus));
    json_object_set_new(json, "sold_out", json_integer((json_int_t)check->sold_out));
    for (int i = 0; i < PARTS; i++)
        json_object_set_new(json, parts[i], json_integer(check->sums[i]));
    json_object_set_new(json, "wrong", json_integer((json_int_t)check->wrong));
    json_object_set_new(json, "balanced", json_boolean(!check->wrong));
    json_object_set(json, "first_wrong", check->shown);
    show_json(json, stdout);
    json_decref(json);
}

int cli_check(struct cli *cli)
{
    static const char *const keys[] = {"sku", NULL};
    struct check check = {.shown = json_array()};
    struct each each = {"sku.list", NULL, "sku.get", keys, "received", on_sku, &check};
    struct client *client;
    struct stk_error err = {0};
    if (cli->help || cli->argc) {
        json_decref(check.shown);
        fputs(T_CHECK_HELP, stdout);
        return cli->help ? EXIT_DONE : EXIT_USAGE;
    }
    enum stk_status status = client_open(&client, &cli->options, &err);
    int code = EXIT_CONNECT;
    if (status == STK_OK) {
        status = each_thing(client, &each, &err);
        client_close(client);
        code = status == STK_IO || status == STK_TIMEOUT ? EXIT_CONNECT : EXIT_REFUSED;
    }
    if (status != STK_OK) {
        cli_fail(cli, code, &err);
    } else {
        if (cli->json)
            print_json(&check);
        else
            print_text(&check);
        code = check.wrong ? EXIT_REFUSED : EXIT_DONE;
    }
    json_decref(check.shown);
    return code;
}
