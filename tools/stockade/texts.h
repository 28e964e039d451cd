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
#define T_ARG_NUMBER   "--%s: '%s' is no whole number"
#define T_ARG_RANGE    "--%s: %s is not between %" PRId64 " and %" PRId64
#define T_ARG_CURRENCY "--%s: '%s' is decimal: name its --currency, or write minor units"
#define T_ARG_TRUTH    "--%s: '%s' is neither true nor false"
#define T_ARG_ENUM     "--%s: '%s' is none of %s"
#define T_ARG_CODE     "--%s: '%s' is no code of %zu letters"
#define T_ARG_UTF8     "--%s: not UTF-8"
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
#define T_SOURCE_HELP "who says so: part of the id (default cli)"
#define T_ID_HELP     "the same id with the same words is done once only"

#endif
