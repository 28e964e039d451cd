/* Its init returns what is no status. */
#define PLUGIN_INIT_STATUS 4711
#include "tests/plugins/skeleton.h"
