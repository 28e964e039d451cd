/* Version of the program and of the plugin ABI. Stability: stable.
 *
 * A host and a plugin fit together when their ABI majors are equal. The minor counts what was added
 * (extensions, events, fields at the end of events); both sides skip or zero what they do not know,
 * so any minor meets any other. */
#ifndef STOCKADE_VERSION_H
#define STOCKADE_VERSION_H

#include <stdint.h>

#define STK_VERSION_TEXT "0.1.0"

#define STK_ABI_MAJOR    0
#define STK_ABI_MINOR    1
#define STK_ABI_REVISION 0

struct stk_abi_version {
    uint32_t major;
    uint32_t minor;
    uint32_t revision;
};

/* What this file was compiled against. */
#define STK_ABI_INIT                                                                               \
    {                                                                                              \
        STK_ABI_MAJOR, STK_ABI_MINOR, STK_ABI_REVISION                                             \
    }

/* 1 when something of that major fits to what this file was compiled against. */
#define STK_ABI_FITS(other_major) ((other_major) == STK_ABI_MAJOR)

#endif
