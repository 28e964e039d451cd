/* Who did it: the door's number of a principal becomes the number of its name in NAMES, which
 * stands in the record and stays what it is when a token is gone from the config. Engine thread. */
#ifndef STK_FLOW_PRINCIPAL_H
#define STK_FLOW_PRINCIPAL_H

#include "core/flow/apply.h"

/* 1 when the record of the command can say who did it; 0: its name is new and there are too many.
 */
int stk_principal_fits(struct stk_apply *apply);
/* Opens the record of the command, or with NULL of the engine's own doing. The name's row is the
 * first one when it is new. */
void stk_principal_begin(struct stk_apply *apply);

#endif
