/* Its init refuses. */
#define PLUGIN_INIT_STATUS STK_DENIED
#include "tests/plugins/skeleton.h"
