/* Where the engine is: what a person named, else $STOCKADE_ADDRESS, else ./data/stockade.sock or
 * 127.0.0.1:7460. */
#ifndef STK_STOCKADE_ADDRESS_H
#define STK_STOCKADE_ADDRESS_H

#include "core/base/err.h"

struct address {
    const char *socket; /* path, or NULL */
    const char *tcp;    /* HOST:PORT, or NULL */
    char name[256];     /* what was connected to, or tried first */
};
/* A connected stream, blocking; -1 with err: STK_IO names the address and the cause, STK_INVALID
 * an address that is none. The caller closes it. */
int address_open(struct address *at, struct stk_error *err);

#endif
