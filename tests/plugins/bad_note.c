/* Its note says that it is larger than it is. */
#define PLUGIN_NOTE_EXTRA 4096
#include "tests/plugins/skeleton.h"
