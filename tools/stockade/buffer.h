/* Bytes that grow, and memory that is there or the program ends: the command line has nothing
 * better to do without memory than to say so. One thread. */
#ifndef STK_STOCKADE_BUFFER_H
#define STK_STOCKADE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

/* Never NULL: ends the program with a message when there is no memory. Zeroed; freed by free(). */
void *must_alloc(size_t size);
void *must_resize(void *old, size_t size);      /* what is new is not zeroed */
char *must_copy(const char *data, size_t size); /* zero-terminated */

/* Starts as {0}. data is always zero-terminated once something was added. */
struct buffer {
    char *data;
    size_t size;
    size_t room;
};
void buffer_reserve(struct buffer *buffer, size_t more); /* room for more bytes and a zero */
void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_byte(struct buffer *buffer, char byte);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));
/* What is there; "" when nothing is. */
const char *buffer_string(const struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the room */
void buffer_fini(struct buffer *buffer);

#endif
