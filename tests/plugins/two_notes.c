/* Two manifests in one file. */
#include "tests/plugins/skeleton.h"

STK_MANIFEST(.name = "second", .vendor = "Stockade", .version = "2",
             .kinds = STK_KIND_BIT(ORDERS_IN));
