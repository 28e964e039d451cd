/* Its instance lacks a function. */
#define PLUGIN_DEACTIVATE NULL
#include "tests/plugins/skeleton.h"
