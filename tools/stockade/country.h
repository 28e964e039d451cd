/* Countries by code or name: "GB", "United Kingdom", "EIRE", Chinese names. Thread-safe. */
#ifndef STK_STOCKADE_COUNTRY_H
#define STK_STOCKADE_COUNTRY_H

#include <stddef.h>

/* Its two letters into code. 0: not known. */
int country_code(const char *name, size_t size, char code[3]);

#endif
