/* import skus|stock|orders FILE: what the kinds of import share. One thread. */
#ifndef STK_STOCKADE_IMPORT_H
#define STK_STOCKADE_IMPORT_H

#include "tools/stockade/charset.h"
#include "tools/stockade/cli.h"
#include "tools/stockade/columns.h"
#include "tools/stockade/report.h"
#include <regex.h>

#define IMPORT_MAPS_MAX 32
#define IMPORT_SHOWN    10 /* rows of a dry run */
#define IMPORT_WINDOW   256
#define IMPORT_ID_TEXT  64

struct import_options {
    const char *maps[IMPORT_MAPS_MAX];
    uint32_t map_count;
    const char *source, *location, *currency, *country, *channel;
    const char *rejects, *batch, *encoding, *separator, *decimal;
    const char *date_format, *utc_offset, *as_of;
    const char *cancel_prefix, *skip_sku, *sku_case, *stage, *as, *missing;
    int dry_run, fact, split, sum, only_positive;
    int64_t percent, group_rows;
};

struct import;
struct import_kind {
    const char *name;
    const char *const *fields;
    const char *required; /* fields that must have a column: "order quantity" */
    /* Each STK_OK, or what ends the import with err. */
    enum stk_status (*begin)(struct import *import, struct stk_error *err);
    enum stk_status (*row)(struct import *import, const struct csv_row *row, struct stk_error *err);
    enum stk_status (*end)(struct import *import, struct stk_error *err);
    void (*fini)(struct import *import);
};
extern const struct import_kind import_skus, import_stock, import_orders;

struct import {
    struct cli *cli;
    const struct import_kind *kind;
    struct import_options options;
    const char *path;
    struct columns columns;
    struct client *client; /* NULL: dry run */
    struct report report;
    struct charset charset;
    struct csv csv;
    regex_t skip;
    int64_t first_seq;   /* answers up to it are older than this run */
    int64_t offset_ms;   /* of times without a zone */
    int64_t file_ms;     /* when the file was written, or now */
    char exponent_of[4]; /* options.currency in capitals, or "" */
    json_t *shown;       /* rows of a dry run */
    void *own;           /* of the kind */
};

/* A cell by field name: trimmed; empty when there is none. */
struct stk_bytes import_cell(const struct import *import, const struct csv_row *row,
                             const char *field);
/* The cell as the field's value: a new reference; NULL and err->status STK_OK when it is empty;
 * NULL and a reason otherwise. currency NULL: unknown. */
json_t *import_value(const struct import *import, const struct csv_row *row,
                     const struct stk_field *field, const char *currency, struct stk_error *err);
/* The currency of a row: its column, else the option; NULL: unknown. Valid until the next call. */
const char *import_currency(const struct import *import, const struct csv_row *row,
                            struct stk_error *err);
/* The SKU of a row, its case as told, in room of STK_ID_MAX + 1. 0: empty or too long (err). */
int import_sku(const struct import *import, const struct csv_row *row, char *room,
               struct stk_error *err);
/* 1: this SKU is no goods (--skip-sku). */
int import_skips(const struct import *import, const char *sku);
/* A whole number, also negative or with a fraction of zeros ("3.0"). 0: it is none (err). */
int import_quantity(struct stk_bytes text, int64_t *quantity, struct stk_error *err);

/* The row as CSV; the caller frees it. */
char *import_raw(const struct csv_row *row);
void import_refuse(struct import *import, const struct csv_row *row, const char *code,
                   const struct stk_error *err);
/* A row of a dry run, shown if it is one of the first. Takes the reference. */
void import_show(struct import *import, json_t *row);

/* An id of what the parameters say, and `salt`: the same file gives the same ids. */
void import_id(const json_t *params, const char *salt, char room[IMPORT_ID_TEXT]);
/* Sends a write: source and id are added. Nothing is sent in a dry run, and fn is not called. */
enum stk_status import_send(struct import *import, const char *verb, json_t *params, const char *id,
                            client_fn fn, void *arg, struct stk_error *err);
/* The answer is from an earlier run. */
int import_is_repeat(const struct import *import, const struct client_reply *reply);

/* import_options.c: the words of the command line into options and path, checked. */
enum stk_status import_take_words(struct import *import, struct stk_error *err);
int import_help(const struct import_kind *kind);

#endif
