/* Which column of a file is which field: by --map, else by names that are known in English and
 * Chinese. One thread. */
#ifndef STK_STOCKADE_COLUMNS_H
#define STK_STOCKADE_COLUMNS_H

#include "tools/stockade/csv.h"

#define COLUMNS_FIELDS_MAX 24

struct columns {
    const char *const *fields;      /* what may be mapped to, NULL-terminated */
    int column[COLUMNS_FIELDS_MAX]; /* of the row, -1 = none */
    struct buffer header;           /* the first row, as CSV */
    char **names;                   /* of the columns */
    uint32_t count;
};
/* maps: "InvoiceNo=order,StockCode=sku" each; "#3=sku" is the third column, "Name=-" maps it to
 * nothing. STK_INVALID names what is wrong: a column that is not there, a field that is not known,
 * two columns for one field. */
enum stk_status columns_init(struct columns *columns, const char *const *fields,
                             const struct csv_row *header, const char *const *maps,
                             uint32_t map_count, struct stk_error *err);
void columns_fini(struct columns *columns);
/* Index of a field among `fields`, -1 when it is none of them. */
int columns_field(const struct columns *columns, const char *name);
int columns_has(const struct columns *columns, const char *name);
/* The cell of a field without white space around it; empty when the column is missing. */
struct stk_bytes columns_cell(const struct columns *columns, const struct csv_row *row, int field);
/* Lower-case letters and digits only; other than ASCII stays. Into room of COLUMNS_NAME bytes. */
#define COLUMNS_NAME 128
void columns_plain(const char *name, size_t size, char *room);

#endif
