/* It has no manifest. */
#define PLUGIN_NO_MANIFEST
#include "tests/plugins/skeleton.h"
