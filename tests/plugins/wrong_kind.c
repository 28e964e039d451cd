/* It declares orders and has offers. */
#define PLUGIN_HAS STK_EXT_OFFERS_IN
#include "tests/plugins/skeleton.h"
