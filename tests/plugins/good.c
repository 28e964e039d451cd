/* A plugin that is right. */
#include "tests/plugins/skeleton.h"
