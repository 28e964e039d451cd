/* Growing bytes: room doubles, so that adding is cheap on average. */
#include "tools/stockade/buffer.h"
#include "tools/stockade/texts.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *there(void *memory)
{
    if (!memory) {
        fputs(T_NO_MEMORY "\n", stderr);
        exit(EXIT_CONNECT);
    }
    return memory;
}

void *must_alloc(size_t size)
{
    return there(calloc(1, size ? size : 1));
}

void *must_resize(void *old, size_t size)
{
    return there(realloc(old, size ? size : 1));
}

char *must_copy(const char *data, size_t size)
{
    char *copy = must_alloc(size + 1);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

void buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t need = buffer->size + more + 1;
    if (need <= buffer->room)
        return;
    buffer->room = buffer->room < SIZE_MAX / 4 ? buffer->room * 2 : need;
    if (buffer->room < need)
        buffer->room = need;
    if (buffer->room < 64)
        buffer->room = 64;
    buffer->data = must_resize(buffer->data, buffer->room);
}

void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    buffer_reserve(buffer, size);
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_byte(struct buffer *buffer, char byte)
{
    buffer_add(buffer, &byte, 1);
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0)
        return;
    buffer_reserve(buffer, (size_t)size);
    vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, list);
    buffer->size += (size_t)size;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    buffer_vprintf(buffer, format, list);
    va_end(list);
}

const char *buffer_string(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
