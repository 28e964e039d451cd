/* Its manifest is right, its entry is of another ABI major. */
#define PLUGIN_MAJOR (STK_ABI_MAJOR + 1)
#include "tests/plugins/skeleton.h"
