/* The one list of outcomes. Stability: numbers and names are stable, new ones are appended.
 *
 * STK_STATUS(NAME, number, "name on the wire", "text for people")
 * The name on the wire is what a client tests for; it never changes. */
#ifndef STOCKADE_STATUS_H
#define STOCKADE_STATUS_H

#define STK_STATUS_LIST(STK_STATUS)                                                                \
    STK_STATUS(OK, 0, "OK", "done")                                                                \
    STK_STATUS(BUSY, 1, "BUSY", "too much work in flight, send it again later")                    \
    STK_STATUS(FULL, 2, "FULL", "a configured capacity is used up")                                \
    STK_STATUS(SHORT, 3, "SHORT", "not enough available stock")                                    \
    STK_STATUS(CONFLICT, 4, "CONFLICT", "this id was used before for something else")              \
    STK_STATUS(STALE, 5, "STALE", "a newer fact is known already")                                 \
    STK_STATUS(TOO_OLD, 6, "TOO_OLD", "older than the movements that are kept")                    \
    STK_STATUS(NOT_FOUND, 7, "NOT_FOUND", "no such thing")                                         \
    STK_STATUS(EXISTS, 8, "EXISTS", "exists already")                                              \
    STK_STATUS(INVALID, 9, "INVALID", "a field is missing, unknown, of a wrong type or range")     \
    STK_STATUS(UNKNOWN, 10, "UNKNOWN", "unknown verb")                                             \
    STK_STATUS(STATE, 11, "STATE", "not possible in the state that it is in")                      \
    STK_STATUS(MISMATCH, 12, "MISMATCH", "the expected value is not the present one")              \
    STK_STATUS(BREAKER, 13, "BREAKER", "held by a breaker until a person agrees")                  \
    STK_STATUS(DENIED, 14, "DENIED", "not allowed for this caller")                                \
    STK_STATUS(UNAUTHORIZED, 15, "UNAUTHORIZED", "unknown or expired token")                       \
    STK_STATUS(NO_SPACE, 16, "NO_SPACE", "the disk or a map is full, writes are refused")          \
    STK_STATUS(TOO_LARGE, 17, "TOO_LARGE", "larger than the limit")                                \
    STK_STATUS(MALFORMED, 18, "MALFORMED", "not a well-formed message")                            \
    STK_STATUS(CORRUPT, 19, "CORRUPT", "stored data is damaged")                                   \
    STK_STATUS(VERSION, 20, "VERSION", "of a version that is not understood here")                 \
    STK_STATUS(IO, 21, "IO", "the operating system reported an error")                             \
    STK_STATUS(NO_MEMORY, 22, "NO_MEMORY", "out of memory")                                        \
    STK_STATUS(TIMEOUT, 23, "TIMEOUT", "not done in time")                                         \
    STK_STATUS(STOPPING, 24, "STOPPING", "the engine is shutting down")                            \
    STK_STATUS(AGAIN, 25, "AGAIN", "nothing there now, come again")                                \
    STK_STATUS(CANCELLED, 26, "CANCELLED", "was cancelled before it came")                         \
    STK_STATUS(INTERNAL, 27, "INTERNAL", "a fault of ours")

enum stk_status {
#define STK_STATUS_ENUM(name, number, wire, text) STK_##name = number,
    STK_STATUS_LIST(STK_STATUS_ENUM)
#undef STK_STATUS_ENUM
        STK_STATUS_COUNT
};

/* The name on the wire, "OK" and so on; "?" for a number that is not in the list. Thread-safe; the
 * string is constant. Here and not in the library, so that a plugin needs nobody to link with. */
static inline const char *stk_status_name(int status)
{
    switch (status) {
#define STK_STATUS_CASE(name, number, wire, text)                                                  \
    case number:                                                                                   \
        return wire;
        STK_STATUS_LIST(STK_STATUS_CASE)
#undef STK_STATUS_CASE
    default:
        return "?";
    }
}

/* The text for people; "unknown status" for a number that is not in the list. Thread-safe. */
static inline const char *stk_status_text(int status)
{
    switch (status) {
#define STK_STATUS_CASE(name, number, wire, text)                                                  \
    case number:                                                                                   \
        return text;
        STK_STATUS_LIST(STK_STATUS_CASE)
#undef STK_STATUS_CASE
    default:
        return "unknown status";
    }
}

#endif
