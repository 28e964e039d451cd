/* It exports more than its entry: seen by nobody, and judged by the plugin's build. */
#include "tests/plugins/skeleton.h"

STK_EXPORT int stk_test_extra_symbol;
int stk_test_extra_symbol = 7;
