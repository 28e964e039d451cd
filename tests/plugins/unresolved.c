/* It needs a function that nobody has. */
#include "tests/plugins/skeleton.h"

int stk_test_nobody_has_this(void);
STK_EXPORT int stk_test_unresolved(void);
STK_EXPORT int stk_test_unresolved(void)
{
    return stk_test_nobody_has_this();
}
