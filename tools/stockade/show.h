/* Results for people and for programs. One thread. */
#ifndef STK_STOCKADE_SHOW_H
#define STK_STOCKADE_SHOW_H

#include <jansson.h>
#include <stdio.h>

/* The rows of a page: the one array of objects in a result, or NULL. */
json_t *show_rows(const json_t *result);
/* A table of objects: columns are the union of their keys; those that are empty in every row are
 * left out, and in wide tables those that are 0 everywhere or hold lists of things. parent: whose
 * currency counts for rows that have none, or NULL. */
void show_table(const json_t *rows, const json_t *parent, FILE *to);
/* "name: value" lines, then a table for each list inside. */
void show_result(const json_t *result, FILE *to);
/* One object on one line. */
void show_json(const json_t *value, FILE *to);
/* A value as a cell: times as dates, money as decimal when `around` (the row) has a currency. Valid
 * until the next call. *is_number: it belongs to the right. */
const char *show_cell(const char *name, const json_t *value, const json_t *around, int *is_number);

#endif
