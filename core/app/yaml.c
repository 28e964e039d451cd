/* The one door to libyaml: its events into a tree.
 *
 * Always true: nodes and texts lie in two blocks whose sizes are bounded by the size of the input,
 * so that nothing is allocated per node. libyaml's own memory is bounded the same way. */
#include "core/app/yaml.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define NAME_MAX_BYTES 256

struct level {
    struct stk_yaml_node *node;
    struct stk_yaml_node *last; /* its newest entry */
    const char *key;            /* map: the key that waits for its value */
    uint32_t key_line, key_column;
};

struct stk_yaml {
    char name[NAME_MAX_BYTES];
    struct stk_yaml_node *nodes;
    uint32_t node_count, nodes_max;
    char *text;
    size_t text_size, text_max;
    struct stk_yaml_node *root;
    /* while it is parsed */
    struct level levels[STK_YAML_DEPTH_MAX];
    unsigned depth;
};

static enum stk_status fault_at(const struct stk_yaml *yaml, yaml_mark_t mark,
                                struct stk_error *err, const char *what)
{
    return stk_error_set(err, STK_INVALID, "%s:%zu:%zu: %s", yaml->name, mark.line + 1,
                         mark.column + 1, what);
}

enum stk_status stk_yaml_fault(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                               int at_key, struct stk_error *err, const char *format, ...)
{
    char what[STK_ERROR_TEXT];
    va_list args;
    int key = at_key && node->key;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return stk_error_set(err, STK_INVALID, "%s:%u:%u: %s", yaml->name,
                         key ? node->key_line : node->line, key ? node->key_column : node->column,
                         what);
}

/* --- building --- */

static const char *keep_text(struct stk_yaml *yaml, const yaml_event_t *event)
{
    char *at = yaml->text + yaml->text_size;
    size_t size = event->data.scalar.length;
    stk_assert(yaml->text_size + size + 1 <= yaml->text_max);
    memcpy(at, event->data.scalar.value, size);
    at[size] = 0;
    yaml->text_size += size + 1;
    return at;
}

static struct stk_yaml_node *add_node(struct stk_yaml *yaml, enum stk_yaml_type type,
                                      yaml_mark_t mark)
{
    struct level *level = yaml->depth ? &yaml->levels[yaml->depth - 1] : NULL;
    struct stk_yaml_node *node = &yaml->nodes[yaml->node_count++];
    node->type = type;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    if (!level) {
        yaml->root = node;
        return node;
    }
    if (level->last)
        level->last->next = node;
    else
        level->node->first = node;
    level->last = node;
    level->node->count++;
    node->key = level->key;
    node->key_line = level->key_line;
    node->key_column = level->key_column;
    level->key = NULL;
    return node;
}

static int waits_for_key(const struct stk_yaml *yaml)
{
    const struct level *level = yaml->depth ? &yaml->levels[yaml->depth - 1] : NULL;
    return level && level->node->type == STK_YAML_MAP && !level->key;
}

static enum stk_status on_key(struct stk_yaml *yaml, const yaml_event_t *event,
                              struct stk_error *err)
{
    struct level *level = &yaml->levels[yaml->depth - 1];
    const char *key = keep_text(yaml, event);
    const struct stk_yaml_node *before = stk_yaml_get(level->node, key);
    char what[STK_ERROR_TEXT];
    if (before) {
        snprintf(what, sizeof what, "\"%.64s\" is given twice, first in line %u", key,
                 before->key_line);
        return fault_at(yaml, event->start_mark, err, what);
    }
    level->key = key;
    level->key_line = (uint32_t)event->start_mark.line + 1;
    level->key_column = (uint32_t)event->start_mark.column + 1;
    return STK_OK;
}

static enum stk_status on_scalar(struct stk_yaml *yaml, const yaml_event_t *event,
                                 struct stk_error *err)
{
    struct stk_yaml_node *node;
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return fault_at(yaml, event->start_mark, err, "anchors and tags are not taken here");
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
        return fault_at(yaml, event->start_mark, err, "a zero byte in a text");
    if (waits_for_key(yaml))
        return on_key(yaml, event, err);
    node = add_node(yaml, STK_YAML_SCALAR, event->start_mark);
    node->text = keep_text(yaml, event);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return STK_OK;
}

static enum stk_status on_open(struct stk_yaml *yaml, enum stk_yaml_type type,
                               const yaml_event_t *event, const void *anchor, const void *tag,
                               struct stk_error *err)
{
    struct stk_yaml_node *node;
    if (anchor || tag)
        return fault_at(yaml, event->start_mark, err, "anchors and tags are not taken here");
    if (waits_for_key(yaml))
        return fault_at(yaml, event->start_mark, err, "a key must be a simple word");
    if (yaml->depth == STK_YAML_DEPTH_MAX)
        return fault_at(yaml, event->start_mark, err, "nested too deeply");
    node = add_node(yaml, type, event->start_mark);
    yaml->levels[yaml->depth++] = (struct level){.node = node};
    return STK_OK;
}

static enum stk_status on_event(struct stk_yaml *yaml, const yaml_event_t *event,
                                struct stk_error *err)
{
    if (yaml->node_count == yaml->nodes_max)
        return fault_at(yaml, event->start_mark, err, "too many entries");
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fault_at(yaml, event->start_mark, err, "aliases are not taken here");
    case YAML_SCALAR_EVENT:
        return on_scalar(yaml, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(yaml, STK_YAML_LIST, event, event->data.sequence_start.anchor,
                       event->data.sequence_start.tag, err);
    case YAML_MAPPING_START_EVENT:
        return on_open(yaml, STK_YAML_MAP, event, event->data.mapping_start.anchor,
                       event->data.mapping_start.tag, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        yaml->depth--;
        return STK_OK;
    case YAML_DOCUMENT_START_EVENT:
        return yaml->root ? fault_at(yaml, event->start_mark, err, "a second document") : STK_OK;
    default:
        return STK_OK;
    }
}

static enum stk_status fault_of_library(const struct stk_yaml *yaml, const yaml_parser_t *parser,
                                        struct stk_error *err)
{
    yaml_mark_t mark = parser->problem_mark;
    const char *what = parser->problem ? parser->problem : "is not YAML";
    if (parser->error == YAML_MEMORY_ERROR)
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", yaml->name);
    if (parser->error == YAML_READER_ERROR)
        return stk_error_set(err, STK_INVALID, "%s: byte %zu: %s", yaml->name,
                             parser->problem_offset, what);
    return fault_at(yaml, mark, err, what);
}

static enum stk_status parse_events(struct stk_yaml *yaml, yaml_parser_t *parser,
                                    struct stk_error *err)
{
    for (int ended = 0; !ended;) {
        yaml_event_t event;
        enum stk_status status;
        if (!yaml_parser_parse(parser, &event))
            return fault_of_library(yaml, parser, err);
        status = on_event(yaml, &event, err);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

enum stk_status stk_yaml_parse(struct stk_yaml **out, const char *name, const char *data,
                               size_t size, struct stk_error *err)
{
    struct stk_yaml *yaml;
    yaml_parser_t parser;
    enum stk_status status;
    if (size > STK_YAML_BYTES_MAX)
        return stk_error_set(err, STK_TOO_LARGE, "%s: larger than %d bytes", name,
                             STK_YAML_BYTES_MAX);
    yaml = stk_alloc(sizeof *yaml);
    if (!yaml)
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", name);
    snprintf(yaml->name, sizeof yaml->name, "%s", name);
    /* each event takes a byte of input at least; escapes make texts shorter, or three bytes of four
     * ("\L"); one zero each */
    yaml->nodes_max = (uint32_t)(size + 2 < STK_YAML_NODES_MAX ? size + 2 : STK_YAML_NODES_MAX);
    yaml->text_max = 4 * size + 16;
    yaml->nodes = stk_alloc(yaml->nodes_max * sizeof *yaml->nodes);
    yaml->text = stk_alloc(yaml->text_max);
    if (!yaml->nodes || !yaml->text || !yaml_parser_initialize(&parser)) {
        stk_yaml_free(yaml);
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)data, size);
    status = parse_events(yaml, &parser, err);
    yaml_parser_delete(&parser);
    if (status != STK_OK) {
        stk_yaml_free(yaml);
        return status;
    }
    if (!yaml->root)
        yaml->root = add_node(yaml, STK_YAML_MAP, (yaml_mark_t){0, 0, 0});
    else if (yaml->root->type == STK_YAML_SCALAR && !*yaml->root->text && !yaml->root->quoted)
        yaml->root->type = STK_YAML_MAP; /* nothing but comments */
    *out = yaml;
    return STK_OK;
}

static enum stk_status read_all(const char *path, char **data, size_t *size, struct stk_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    enum stk_status status = STK_OK;
    *data = NULL;
    *size = 0;
    if (fd < 0)
        return stk_error_errno(err, errno, "%s", path);
    if (fstat(fd, &info) != 0)
        status = stk_error_errno(err, errno, "%s", path);
    else if (!S_ISREG(info.st_mode))
        status = stk_error_set(err, STK_INVALID, "%s: is no file", path);
    else if (info.st_size > STK_YAML_BYTES_MAX)
        status =
            stk_error_set(err, STK_TOO_LARGE, "%s: larger than %d bytes", path, STK_YAML_BYTES_MAX);
    else if (!(*data = stk_alloc((size_t)info.st_size + 1)))
        status = stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", path);
    while (status == STK_OK && *size < (size_t)info.st_size) {
        got = read(fd, *data + *size, (size_t)info.st_size - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = stk_error_errno(err, errno, "%s", path);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    close(fd);
    return status;
}

enum stk_status stk_yaml_load(struct stk_yaml **out, const char *path, struct stk_error *err)
{
    char *data;
    size_t size;
    enum stk_status status = read_all(path, &data, &size, err);
    if (status == STK_OK)
        status = stk_yaml_parse(out, path, data, size, err);
    stk_free(data);
    return status;
}

void stk_yaml_free(struct stk_yaml *yaml)
{
    if (!yaml)
        return;
    stk_free(yaml->nodes);
    stk_free(yaml->text);
    stk_free(yaml);
}

const struct stk_yaml_node *stk_yaml_root(const struct stk_yaml *yaml)
{
    return yaml->root;
}

const struct stk_yaml_node *stk_yaml_get(const struct stk_yaml_node *map, const char *key)
{
    if (map->type != STK_YAML_MAP)
        return NULL;
    for (const struct stk_yaml_node *entry = map->first; entry; entry = entry->next)
        if (strcmp(entry->key, key) == 0)
            return entry;
    return NULL;
}
