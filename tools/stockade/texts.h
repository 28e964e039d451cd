/* Every text that a person reads, in one place, and the exit codes. The compiler checks each format
 * where it is used. */
#ifndef STK_STOCKADE_TEXTS_H
#define STK_STOCKADE_TEXTS_H

#include <inttypes.h>

/* Exit codes: --help names them. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* by the engine, or by what lies on the disk */
    EXIT_USAGE = 2,
    EXIT_CONNECT = 3, /* no engine there, or the connection was lost; no memory, no file */
    EXIT_PARTLY = 4,  /* an import that refused some rows */
};

#define T_NO_MEMORY "stockade: out of memory"

/* money.c, when.c */
#define T_MONEY_BAD    "'%.*s' is no amount of money"
#define T_MONEY_LARGE  "'%.*s' is larger than 64 bits hold"
#define T_MONEY_DIGITS "'%.*s' has more than %d digits behind the point"
#define T_TIME_BAD                                                                                 \
    "'%.*s' is no time: write 2024-05-01, "                                                        \
    "2024-05-01T12:30:15+08:00 or ms since 1970"
#define T_TIME_FORMAT "'%.*s' does not fit the date format '%s'"
#define T_OFFSET_BAD  "'%s' is no offset from UTC: write +08:00 or Z"
#define T_SPAN_BAD    "'%.*s' is no span of time: write 500ms, 90s, 15m, 2h, 7d or 1h30m"

/* csv.c, charset.c */
#define T_CSV_UNCLOSED     "line %" PRIu64 ": a quoted field is never closed"
#define T_CSV_WIDE         "line %" PRIu64 ": more than %d fields"
#define T_CSV_LONG         "line %" PRIu64 ": a row of more than %d bytes"
#define T_ENCODING_UNKNOWN "encoding %s is not known here"
#define T_READ             "cannot read"

/* client.c */
#define T_SOCKET_LONG   "socket path %s is longer than %zu bytes"
#define T_CONNECT       "cannot connect to %s"
#define T_TCP_BAD       "'%s' is no address: write HOST:PORT"
#define T_RESOLVE       "cannot resolve %s: %s"
#define T_NO_ENGINE     "no engine answers at %s or %s; give --socket PATH or --tcp HOST:PORT"
#define T_LOST          "the connection was lost before the answer came"
#define T_TIMEOUT       "no answer in time"
#define T_NO_MESSAGE    "refused without a message"
#define T_NO_RPC        "%s does not speak MessagePack-RPC"
#define T_MESSAGE_LARGE "%s: the message is larger than %d bytes"
#define T_WINDOW_FULL   "more than %d calls in flight"

/* json.c, args.c */
#define T_JSON_REAL    "%g: write a whole number, or a decimal amount as text"
#define T_JSON_LARGE   "larger than a message may be (%d bytes)"
#define T_ARG_NUMBER   "'%s' is no whole number"
#define T_ARG_RANGE    "%s is not between %" PRId64 " and %" PRId64
#define T_ARG_CURRENCY "'%s' is decimal: name its currency (--currency), or write minor units"
#define T_ARG_TRUTH    "'%s' is neither true nor false"
#define T_ARG_ENUM     "'%s' is none of %s"
#define T_ARG_CODE     "'%s' is no code of %zu letters"
#define T_ARG_UTF8     "not UTF-8"
#define T_ARG_ITEM     "--%s: each item is a JSON object"
#define T_ARG_REAL     "--%s: %s: write \"2.55\" as text or 255 as minor units, no bare fraction"
#define T_ARG_PART     "--%s: there is no '%.*s' in an item"
#define T_ARG_JSON     "--%s: JSON, column %d: %s"
#define T_ARG_TWICE    "--%s is given twice"
#define T_ARG_WORD     "%s does not take '%s'"
#define T_ARG_MISSING  "--%.*s lacks its value"
#define T_ARG_UNKNOWN  "%s has no option --%.*s (see --help)"
#define T_ARG_REQUIRED "%s needs --%s (%s)"
#define T_ARG_ORDER_ID "%s needs --id, the id of the order"

/* main.c, verbs.c */
#define T_SAYS         "stockade: %s\n"
#define T_VERB_SAYS    "stockade: %s: %s: %s\n"
#define T_VERB_FAILED  "stockade: %s: %s\n"
#define T_UNKNOWN      "unknown command '%s' (stockade --help lists them)"
#define T_MORE         "more: --cursor %s, or --all\n"
#define T_NO_ROWS      "none"
#define T_VALUE_NEEDED "%s lacks its value"
#define T_USAGE                                                                                    \
    "stockade: price and stock of one seller, on every channel\n"                                  \
    "\n"                                                                                           \
    "  stockade VERB [--field VALUE]...     ask or tell the engine; stockade VERB --help\n"        \
    "  stockade COMMAND [...]               see below; stockade COMMAND --help\n"                  \
    "\n"                                                                                           \
    "Options everywhere:\n"                                                                        \
    "  --socket PATH       the engine's Unix socket\n"                                             \
    "  --tcp HOST:PORT     or its TCP address; without either: $STOCKADE_ADDRESS, then\n"          \
    "                      ./data/stockade.sock, then 127.0.0.1:7460\n"                            \
    "  --timeout SPAN      for an answer (default 30s)\n"                                          \
    "  --json              one JSON object, or one a line for lists\n"                             \
    "  --all               lists: every page, not the first one only\n"                            \
    "  --help, --version\n"                                                                        \
    "\n"                                                                                           \
    "Exit codes: 0 done; 1 refused by the engine, or damaged data; 2 wrong usage;\n"               \
    "3 no connection, or no answer; 4 an import that refused some rows.\n"                         \
    "\n"
#define T_COMMANDS "Commands:\n"
#define T_VERBS    "\nVerbs (a dot or a space: order.place, order place):\n"
#define T_VERB_OPTIONS                                                                             \
    "\nTimes: 2024-05-01, 2024-05-01T12:30:15+08:00, now, or ms since 1970. Spans: 15m, 2h, 7d.\n" \
    "Money: decimal when --currency is given, else minor units.\n"                                 \
    "Lists: as JSON, or one item at a time: --line sku=X,quantity=2\n"
#define T_ANSWER       "\nAnswer: %s\n"
#define T_HELP_COLUMNS "option", "value", " ", "meaning"
#define T_REQUIRED     "required"
#define T_SOURCE_HELP  "who says so: part of the id (default cli)"
#define T_ID_HELP      "the same id with the same words is done once only"

/* columns.c, report.c */
#define T_MAP_PAIR       "--map: '%.*s' is no COLUMN=FIELD"
#define T_MAP_COLUMN     "--map: there is no column '%.*s'; the file has %.*s"
#define T_MAP_FIELD      "--map: there is no field '%s'; there are %s"
#define T_MAP_TWICE      "--map: two columns for %s"
#define T_LINE_REASON    "line %" PRIu64 ": %s"
#define T_PROGRESS       "  %s rows, %s/s, %s refused "
#define T_REPORT         "%s: %s rows in %.1f s (%s rows/s)\n"
#define T_REFUSED        "rows refused"
#define T_REJECTS        "  refused rows: %s\n"
#define T_REJECTS_FAILED "  cannot write the refused rows to %s\n"

/* import.c, goods.c, orders.c */
#define T_OPEN      "cannot open %s"
#define T_IS_FOLDER "%s is a folder"
#define T_IMPORT_KINDS                                                                             \
    "import skus, import stock or import orders, "                                                 \
    "then a file (- for stdin)"
#define T_IMPORT_NO_FILE        "import %s needs a file (- for stdin)"
#define T_IMPORT_TWO_FILES      "one file at a time: what is '%s'?"
#define T_IMPORT_EMPTY          "%s is empty"
#define T_IMPORT_HEADER_BYTES   "%s: the first row is not in the encoding of the file"
#define T_IMPORT_BYTES          "column %u is not %s"
#define T_IMPORT_COLUMN         "no column for %s: the file has %s; name it with --map COLUMN=%s"
#define T_IMPORT_CURRENCY       "'%.*s' needs a currency (--currency or a column)"
#define T_IMPORT_NEEDS_CURRENCY "unit_price needs a currency: --currency GBP or a column"
#define T_IMPORT_CODE           "'%.*s' is no currency code of three letters"
#define T_IMPORT_DATE                                                                              \
    "'%.*s': how to read it? "                                                                     \
    "--date-format '%%m/%%d/%%y %%H:%%M' or the like"
#define T_IMPORT_SKU_EMPTY   "no SKU"
#define T_IMPORT_SKU_LONG    "a SKU of more than %d bytes"
#define T_IMPORT_SKU_TWICE   "this SKU was on line %" PRIu64 " already (--sum adds them up)"
#define T_IMPORT_QUANTITY    "'%.*s' is no number of units"
#define T_IMPORT_NEGATIVE    "a negative number of units (--only-positive leaves such rows out)"
#define T_IMPORT_LOCATION    "where? --location ID, or a column for it"
#define T_IMPORT_NO_LOCATION "no location, or one of more than 64 bytes"
#define T_IMPORT_GATHER      "more than %d SKUs in one file"
#define T_IMPORT_BROKEN      "stopped: run it again, what is done is not done twice\n"
#define T_ORDER_ID_EMPTY     "no order id"
#define T_ORDER_ID_LONG      "an order id of more than %d bytes"
#define T_ORDER_SCATTERED                                                                          \
    "rows of this order stood more than %" PRId64 " rows above (--group-rows N)"
#define T_ORDER_NEGATIVE     "negative quantity in an order that is no cancellation"
#define T_ORDER_ZERO         "quantity 0"
#define T_ORDER_LARGE        "an order of more than 1000 lines"
#define T_ORDER_SPOILED      "another row of this order was refused"
#define T_ORDER_SHORT        "%" PRId64 " wanted, %" PRId64 " available"
#define T_ORDER_OTHER_SHORT  "another line of this order is short"
#define T_ORDER_COUNTRY      "--country is no country"
#define T_CANCEL_POSITIVE    "positive quantity in a cancellation"
#define T_CANCEL_NO_CUSTOMER "a cancellation without a customer: no order to give back"
#define T_CANCEL_UNMATCHED                                                                         \
    "customer %s has no earlier order of %s for %" PRId64 " of %" PRId64 " units"
#define T_DRY_RUN_END "nothing was sent; a run would do:\n"
#define T_DRY_RUN     "%s: %s, separator %s\n"

/* Names of counts: spaces become _ in JSON. */
#define T_COUNT_SKUS          "SKUs put"
#define T_COUNT_SKUS_FILLED   "SKUs completed by a later row"
#define T_COUNT_SAME_SKU      "rows of a SKU that was there"
#define T_COUNT_REPEATS       "there already"
#define T_COUNT_SKIPPED       "rows skipped by SKU"
#define T_COUNT_NOT_POSITIVE  "rows not above 0"
#define T_COUNT_COUNTED       "counted"
#define T_COUNT_RECEIVED      "received"
#define T_COUNT_NOTHING       "nothing to receive"
#define T_COUNT_PARTS         "snapshot messages"
#define T_COUNT_SNAPSHOT      "snapshot rows"
#define T_COUNT_PLACED        "orders placed"
#define T_COUNT_SHIPPED       "orders shipped"
#define T_COUNT_WOULD_PLACE   "orders to place"
#define T_COUNT_PAID          "orders paid"
#define T_COUNT_LINES         "lines in them"
#define T_COUNT_SHORT         "orders short"
#define T_COUNT_SHORT_ROWS    "rows in short orders"
#define T_COUNT_SHORTFALL     "units of shortfall"
#define T_COUNT_BAD_ORDERS    "orders with a bad row"
#define T_COUNT_CANCELLATIONS "cancellations"
#define T_COUNT_RETURNED      "units returned"
#define T_COUNT_CANCELLED     "units cancelled"
#define T_COUNT_COUNTRIES     "orders whose country is not known"

#define T_OPT_UNKNOWN       "import %s has no option %s (see --help)"
#define T_OPT_NUMBER        "--%s: '%s' is no number above 0"
#define T_OPT_MAPS          "more than %d times --map"
#define T_OPT_ENUM          "--%s: '%s' is none of %s"
#define T_OPT_REGEX         "--skip-sku: '%s' is no regular expression"
#define T_OPT_SEPARATOR_BAD "--separator: '%s' is no single character"
#define T_OPT_MAP           "columns by name or #number; known names need no map"
#define T_OPT_SOURCE        "part of every id (default import)"
#define T_OPT_LOCATION      "where the stock is, unless a column says it"
#define T_OPT_CURRENCY      "of the money, unless a column says it"
#define T_OPT_COUNTRY       "of orders, unless a column says it (code or name)"
#define T_OPT_CHANNEL       "where the orders were sold"
#define T_OPT_DRY_RUN       "show the first rows as they would be sent, send nothing"
#define T_OPT_REJECTS       "refused rows with line, code, reason (default FILE.rejects.csv)"
#define T_OPT_SKIP_SKU      "rows whose SKU matches are no goods"
#define T_OPT_SKU_CASE      "the same goods in both cases"
#define T_OPT_FACT          "a marketplace sold it: hold what there is, count the rest"
#define T_OPT_SPLIT         "orders may be held at several locations"
#define T_OPT_STAGE         "how far the orders have gone (default placed)"
#define T_OPT_CANCEL        "order ids that begin so take back earlier orders"
#define T_OPT_GROUP         "rows of one order lie at most so far apart (default 10000)"
#define T_OPT_AS            "what a row says (default count)"
#define T_OPT_AS_OF         "when it was counted, or now (default: time of the file)"
#define T_OPT_MISSING       "snapshot: SKUs that are not in the file (default keep)"
#define T_OPT_SUM           "add up the rows of a SKU"
#define T_OPT_PERCENT       "this share of each quantity"
#define T_OPT_POSITIVE      "leave out rows of 0 or less"
#define T_OPT_BATCH         "part of the ids: another name makes the same rows new"
#define T_OPT_DATE_FORMAT   "as strptime(3): '%m/%d/%y %H:%M'"
#define T_OPT_UTC_OFFSET    "zone of times that name none (default UTC)"
#define T_OPT_DECIMAL       "sign before the fraction of money (default .)"
#define T_OPT_SEPARATOR     "between columns (default: recognised)"
#define T_OPT_ENCODING      "of the file, as iconv names it (default: recognised)"
#define T_IMPORT_HELP                                                                              \
    "stockade import %s FILE [options]: rows of a CSV file, each once only\n"                      \
    "A second run of the same file changes nothing; refused rows go to FILE.rejects.csv.\n"        \
    "stockade import %s - reads standard input.\n\n"
#define T_IMPORT_FIELDS "Fields: "
#define T_HELP_IMPORT   "skus, stock or orders from a CSV file"

/* export.c, check.c */
#define T_WRITE "cannot write"
#define T_EXPORT_KINDS                                                                             \
    "export skus, stock, orders or listings, "                                                     \
    "then a file (standard output without)"
#define T_EXPORTED "%s: %" PRIu64 " rows\n"
#define T_EXPORT_HELP                                                                              \
    "stockade export skus|stock|orders|listings [FILE]: CSV that import reads again\n"
#define T_HELP_EXPORT "skus, stock, orders or listings to a CSV file"
#define T_CHECK_PART  "sku.get does not say '%s'"
#define T_CHECK_IN    "= came in"
#define T_CHECK_OUT   "= accounted for"
#define T_CHECK_RIGHT "balanced: all %" PRIu64 " SKUs; %" PRIu64 " of them sold out\n"
#define T_CHECK_WRONG "NOT balanced: %" PRIu64 " of %" PRIu64 " SKUs, the first of them:\n"
#define T_CHECK_HELP                                                                               \
    "stockade check: asks the engine for every SKU and checks that received + returned + found\n"  \
    "= on_hand + unsellable + in_transit + shipped + written_off. Exit code 1 when one is not.\n"
#define T_HELP_CHECK "every unit of every SKU accounted for"

/* folder.c */
#define T_FOLDER_WORD     "one folder at a time: what is '%s'?"
#define T_FOLDER_OPTION   "no option %s here (see --help)"
#define T_FOLDER_CRASH    "damaged: reading it ended by signal %d"
#define T_FOLDER_ROW      "a row of %s is too large to be shown"
#define T_FOLDER_RECORD   "damaged record"
#define T_FOLDER_SEQ      "sequence %" PRIu64
#define T_DELETED         "(deleted)"
#define T_INSPECT_JOURNAL "J, the journal:"
#define T_INSPECT_STATE   "\nS, the state:"
#define T_JOURNAL_VERIFY_HELP                                                                      \
    "stockade journal verify [--data DIR]: walks the whole journal: checksums, order, hash "       \
    "chain.\n"                                                                                     \
    "Names the first bad batch. Exit code 1 when there is one.\n"
#define T_JOURNAL_READ_HELP                                                                        \
    "stockade journal read [--from SEQ] [--limit N]: effects, from the engine.\n"                  \
    "stockade journal read --data DIR [--from SEQ] [--limit N | --all]: from the disk.\n"
#define T_INSPECT_HELP                                                                             \
    "stockade inspect DIR: journal and state of a data folder, checksums and digests checked.\n"   \
    "stockade inspect DIR --table order [--limit 10 | --all]: rows of one table.\n"
#define T_BACKUP_VERIFY_HELP                                                                       \
    "stockade backup verify BACKUP: every file, checksum, chain and digest of a backup.\n"
#define T_RESTORE_HELP                                                                             \
    "stockade restore BACKUP --data DIR [--to SEQ|TIME] [--journal DIR]: a data folder from a\n"   \
    "backup, and from a journal that reaches further. DIR must not exist or be empty.\n"
#define T_REBUILD_HELP                                                                             \
    "stockade state rebuild --data DIR: the state again from a journal that reaches back to 1.\n"
#define T_HELP_JOURNAL_VERIFY "walk a journal on the disk: checksums and hash chain"
#define T_HELP_JOURNAL_READ   "effects, from the engine or with --data from the disk"
#define T_HELP_INSPECT        "what lies in a data folder, without an engine"
#define T_HELP_BACKUP_VERIFY  "check a backup on the disk"
#define T_HELP_RESTORE        "a data folder from a backup"
#define T_HELP_REBUILD        "the state again from the journal"

/* snapshot.c */
#define T_SNAPSHOT_UNKNOWN    "no SKU \"%s\""
#define T_SNAPSHOT_INCOMPLETE "the set is not complete and not applied"
#define T_SNAPSHOT_HELD                                                                            \
    "held by the breaker: stockade stock snapshot --snapshot %s --action approve (or discard)"

#endif
