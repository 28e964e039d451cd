/* Tables for people: columns as wide as their widest cell, numbers to the right. One thread. */
#ifndef STK_STOCKADE_TABLE_H
#define STK_STOCKADE_TABLE_H

#include "tools/stockade/buffer.h"
#include <stdio.h>

#define TABLE_COLUMNS_MAX 64

struct table {
    unsigned columns;
    unsigned rows;
    char **cells; /* rows x columns; NULL: empty */
    char *names[TABLE_COLUMNS_MAX];
    unsigned char numeric[TABLE_COLUMNS_MAX]; /* 1 until a cell that is no number came */
    unsigned at;                              /* column of the next cell */
};
void table_init(struct table *table);
/* A first column named "" means: no line of names. Returns the column; more than TABLE_COLUMNS_MAX
 * are left out (the last one is returned). Before the first row. */
unsigned table_column(struct table *table, const char *name);
void table_row(struct table *table);
/* Into the open row. text is copied. */
void table_cell(struct table *table, unsigned column, const char *text, int is_number);
void table_print(const struct table *table, FILE *to);
void table_fini(struct table *table);

/* Cut a text to so many columns, the last one then being an ellipsis. */
void table_cut(char *text, unsigned width);

/* Columns that a text takes on a terminal: Chinese letters take two. */
unsigned table_width(const char *text);

#endif
