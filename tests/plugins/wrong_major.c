/* Its manifest is of another ABI major. */
#define PLUGIN_MANIFEST_MAJOR (STK_ABI_MAJOR + 1)
#include "tests/plugins/skeleton.h"
