/* It has no factory of plugins. */
#define PLUGIN_FACTORY "stk.other/1"
#include "tests/plugins/skeleton.h"
