/* YAML into a tree that knows where each thing stands. The only door to libyaml.
 *
 * A subset: one document of maps, lists and scalars. Anchors, aliases and tags are refused (so a
 * small file cannot unfold into a large one), and so are keys given twice, keys that are no
 * scalars, and files beyond the bounds below. Errors are one line: "file:line:column: what". Cold
 * path; any thread. */
#ifndef STK_APP_YAML_H
#define STK_APP_YAML_H

#include "core/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define STK_YAML_BYTES_MAX (1024 * 1024)
#define STK_YAML_NODES_MAX 8192
#define STK_YAML_DEPTH_MAX 16

enum stk_yaml_type { STK_YAML_SCALAR, STK_YAML_LIST, STK_YAML_MAP };

struct stk_yaml_node {
    enum stk_yaml_type type;
    uint32_t line, column; /* from 1 */
    const char *key;       /* of a map's entry: its key, ended by zero; else NULL */
    uint32_t key_line, key_column;
    const char *text; /* scalar, ended by zero; no zero inside */
    int quoted;
    uint32_t count;                    /* entries of a list or map */
    const struct stk_yaml_node *first; /* the first of them */
    const struct stk_yaml_node *next;  /* the one after this in its list or map */
};

struct stk_yaml; /* the tree and its memory */
/* name: of the file, for messages. An empty document is an empty map. */
enum stk_status stk_yaml_parse(struct stk_yaml **out, const char *name, const char *data,
                               size_t size, struct stk_error *err);
enum stk_status stk_yaml_load(struct stk_yaml **out, const char *path, struct stk_error *err);
void stk_yaml_free(struct stk_yaml *yaml); /* NULL-safe */
const struct stk_yaml_node *stk_yaml_root(const struct stk_yaml *yaml);
/* The entry of a map with this key; NULL when there is none. */
const struct stk_yaml_node *stk_yaml_get(const struct stk_yaml_node *map, const char *key);
/* "file:line:column: what" at a node (its key when at_key). Returns STK_INVALID. */
enum stk_status stk_yaml_fault(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                               int at_key, struct stk_error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
