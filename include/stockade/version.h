/* Version of the program and of the plugin ABI. Stability: stable.
 * A host and a plugin fit together when their ABI majors are equal. */
#ifndef STOCKADE_VERSION_H
#define STOCKADE_VERSION_H

#define STK_VERSION_TEXT "0.1.0"

#define STK_ABI_MAJOR    0
#define STK_ABI_MINOR    1
#define STK_ABI_REVISION 0

#endif
