/* CSV: a reader that takes rows from a stream, and a writer of fields.
 *
 * RFC 4180 with what real files do: any of CR, LF, CRLF ends a line; quotes may hold separators,
 * newlines and doubled quotes; a quote inside an unquoted field is itself; text after a closing
 * quote belongs to the field. A quote that is never closed spoils its own line only. Rows and
 * fields are bounded. One thread. */
#ifndef STK_STOCKADE_CSV_H
#define STK_STOCKADE_CSV_H

#include "core/base/err.h"
#include "tools/stockade/buffer.h"
#include <stdint.h>
#include <stockade/types.h>

#define CSV_ROW_MAX    (1024 * 1024) /* bytes of a row, a quoted text with newlines included */
#define CSV_FIELDS_MAX 1024

/* Where bytes come from: up to size of them, 0 at the end, -1 with err. */
typedef long (*csv_read_fn)(void *arg, char *room, size_t size, struct stk_error *err);

struct csv_row {
    uint64_t line; /* where it begins, from 1 */
    uint32_t count;
    struct stk_bytes fields[CSV_FIELDS_MAX]; /* until the next csv_next */
};

struct csv {
    csv_read_fn read;
    void *arg;
    char separator; /* 0: recognised from the first line: , ; or tab */
    int at_end;
    int spoiled;           /* the rest of this line is no row */
    uint64_t line;         /* of the byte at `at` */
    size_t at;             /* in input */
    struct buffer input;   /* read, not yet taken */
    struct buffer decoded; /* fields of the row whose quotes had to be taken off */
};

void csv_init(struct csv *csv, csv_read_fn read, void *arg, char separator);
/* 1 a row, 0 the end. Blank lines are skipped. STK_OK, or with 1: STK_MALFORMED, STK_TOO_LARGE:
 * this row is spoiled (row->line tells which, its first field is the raw line) and reading may go
 * on. -1: the source failed, err says how. */
int csv_next(struct csv *csv, struct csv_row *row, enum stk_status *status, struct stk_error *err);
void csv_fini(struct csv *csv);

/* Write one field, in quotes when it needs them; `first` puts no separator before it. */
void csv_field(struct buffer *out, struct stk_bytes field, int first);
void csv_text(struct buffer *out, const char *field, int first);
void csv_end(struct buffer *out); /* CRLF */

#endif
