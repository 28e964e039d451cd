/* How the verb table is written: for verb.c and the files of its parts. */
#ifndef STK_FLOW_VERB_MAKE_H
#define STK_FLOW_VERB_MAKE_H

#include "core/flow/verb.h"
#include <stddef.h>

#define MONEY_MAX    INT64_C(1000000000000000)     /* 10^15 minor units: sums of 1,000 lines fit */
#define TIME_MAX     INT64_C(253402300799999)      /* the end of the year 9999 */
#define SPAN_MAX     (INT64_C(400) * 24 * 3600000) /* orders are kept so long */
#define UNITS_MAX    1000000                       /* of one SKU in one unit of a listing */
#define CURSOR_BYTES STK_TEXT_MAX

/* A field named as its member. NAMED: another name on the wire. */
#define NAMED(wire, args, ARGS, member_, MEMBER, type_)                                            \
    .name = wire, .name_size = sizeof(wire) - 1, .type = STK_FIELD_##type_,                        \
    .bit = STK_HAS_##ARGS##_##MEMBER, .offset = offsetof(struct stk_args_##args, member_)
#define FIELD(args, ARGS, member_, MEMBER, type_)                                                  \
    NAMED(#member_, args, ARGS, member_, MEMBER, type_)
#define REQUIRED    .required = 1
#define ID_RANGE    .min = 1, .max = STK_ID_MAX
#define UNITS(low)  .min = (low), .max = STK_QUANTITY_MAX
#define MONEY_RANGE .min = 0, .max = MONEY_MAX
#define TIME_RANGE  .min = 0, .max = TIME_MAX
#define FLAG_RANGE  .min = 0, .max = 1
#define ITEMS(args, low, high)                                                                     \
    .min = (low), .max = (high), .sub_size = sizeof(struct stk_args_##args), .sub = args##_fields

#endif
