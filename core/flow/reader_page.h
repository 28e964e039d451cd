/* Pages that the reader thread makes: effects of the journal, archived orders. Reader thread, or
 * any other with buffers of its own; nothing is shared. */
#ifndef STK_FLOW_READER_PAGE_H
#define STK_FLOW_READER_PAGE_H

#include "core/flow/verb.h"
#include "core/state/names.h"
#include "core/store/fold.h"

#define STK_READER_VALUE_BYTES STK_RECORD_MAX
#define STK_READER_VALUES_MAX  65536

/* What pages are made from, and room to make them. */
struct stk_reader_page {
    const struct stk_names *names;
    struct stk_log log;
    struct stk_journal *journal; /* NULL: not known where it begins */
    struct stk_rows *rows;
    /* stk_rows_range, or a test's */
    enum stk_status (*range)(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                             uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err);
    uint8_t *value;           /* STK_READER_VALUE_BYTES */
    struct stk_value *values; /* STK_READER_VALUES_MAX */
};

/* The answer of journal.read into doc. On a refusal what doc holds means nothing. */
enum stk_status stk_reader_page_journal(const struct stk_reader_page *from,
                                        const struct stk_args_journal_read *args,
                                        struct stk_doc *doc, struct stk_error *err);
/* The answer of order.list for archived orders, by order number. */
enum stk_status stk_reader_page_archived(const struct stk_reader_page *from,
                                         const struct stk_command *command, struct stk_doc *doc,
                                         struct stk_error *err);

#endif
