/* Its entry has another name. */
#define PLUGIN_ENTRY stk_entrance
#include "tests/plugins/skeleton.h"
