#include "base/toml.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/toml_lex.h"
#include "base/toml_value.h"

/* How a value came to be decides what later lines may add to it. */
enum node_kind {
  NODE_VALUE,       /* nothing can be added to a scalar, */
  NODE_ARRAY,       /* an array in brackets */
  NODE_INLINE,      /* or a table in braces */
  NODE_IMPLICIT,    /* [a.b] made `a`: a header or a dotted key may still define it */
  NODE_DOTTED,      /* a.b = 1 made `a`: more dotted keys and sub-tables, but no header [a] */
  NODE_HEADER,      /* [a] defined it */
  NODE_TABLE_ARRAY, /* [[a]]: further [[a]] add items */
};

struct node {
  enum node_kind kind;
  int line;
  bool quoted;         /* a string */
  int depth;           /* of a container; the root has 0 */
  json_t *value;       /* owned by the parent's value, the root's by the root */
  map *children;       /* of a table: struct node by key */
  struct node **items; /* of an array */
  size_t items_len, items_capacity;
};

struct toml {
  struct node *root;
};

struct parser {
  struct toml_lex lex;
  struct node *root;
  struct node *table; /* that keys are added to */
  size_t values;
};

static void node_free(struct node *n) {
  if (!n) return;
  size_t cursor = 0;
  const char *key;
  void *child;
  while (n->children && map_next(n->children, &cursor, &key, &child))
    node_free(child);
  for (size_t i = 0; i < n->items_len; i++)
    node_free(n->items[i]);
  map_free(n->children);
  free(n->items);
  free(n);
}

static void node_cleanup(struct node **n) {
  if (*n) json_decref((*n)->value);
  node_free(*n);
}

static struct node *node_new(enum node_kind kind, json_t *value, int line, int depth) {
  struct node *n = mem_zalloc(sizeof *n);
  n->kind = kind;
  n->value = value;
  n->line = line;
  n->depth = depth;
  if (json_is_object(value)) n->children = map_new();
  return n;
}

/* Adds `value` (taken) to `parent` under `key`, or as its next item when it is an array. */
static err *node_add(struct parser *p, struct node *parent, const char *key, enum node_kind kind,
                     json_t *value, struct node **ret_node) {
  bool container = kind != NODE_VALUE;
  auto_json *owned = value;
  if (container && parent->depth >= TOML_MAX_DEPTH)
    return toml_lex_error_at(&p->lex, p->lex.pos, ERR_LIMIT, "more than %d levels of nesting",
                             TOML_MAX_DEPTH);
  if (++p->values > TOML_MAX_VALUES)
    return toml_lex_error_at(&p->lex, p->lex.pos, ERR_LIMIT, "more than %d values",
                             TOML_MAX_VALUES);
  struct node *n = node_new(kind, owned, p->lex.line, parent->depth + container);
  if (json_is_object(parent->value)) {
    json_object_set_nocheck(parent->value, key, owned);
    map_set(parent->children, key, n);
  } else {
    json_array_append(parent->value, owned);
    parent->items = mem_grow(parent->items, &parent->items_capacity, parent->items_len + 1,
                             sizeof *parent->items);
    parent->items[parent->items_len++] = n;
  }
  if (ret_node) *ret_node = n;
  return NULL;
}

/* Keys are C strings here: the one character that they cannot hold is replaced. */
static char *key_text(const struct str *part) {
  auto_str text = STR_EMPTY;
  for (size_t i = 0; i < part->len; i++) {
    if (part->data[i])
      str_add_char(&text, part->data[i]);
    else
      str_add(&text, "\xEF\xBF\xBD");
  }
  return str_take(&text);
}

/* The parts of a possibly dotted key, up to what follows it. */
static err *read_key(struct parser *p, struct strv *ret_parts) {
  do {
    toml_lex_skip_space(&p->lex);
    auto_str part = STR_EMPTY;
    TRY(toml_lex_key(&p->lex, &part));
    strv_add_take(ret_parts, key_text(&part));
    toml_lex_skip_space(&p->lex);
  } while (toml_lex_take(&p->lex, '.'));
  return NULL;
}

/* An error about the key that ends with part `last`, which is there since `node`'s line. */
static err *key_error(struct parser *p, size_t pos, const struct strv *key, size_t last,
                      const struct node *node, const char *problem) {
  auto_free char *path = str_dup("");
  for (size_t i = 0; i <= last; i++) {
    char *longer = toml_path_join(path, key->items[i]);
    free(path);
    path = longer;
  }
  return toml_lex_error_at(&p->lex, pos, ERR_INVALID, "%s %s (line %d)", path, problem, node->line);
}

/* The table that the parts of a dotted key before the last lead to; makes what is missing. */
static err *enter_dotted(struct parser *p, size_t pos, const struct strv *key, struct node *table,
                         struct node **ret_table) {
  for (size_t i = 0; i + 1 < key->len; i++) {
    struct node *next = map_get(table->children, key->items[i]);
    if (!next)
      TRY(node_add(p, table, key->items[i], NODE_DOTTED, json_object(), &next));
    else if (next->kind == NODE_IMPLICIT)
      next->kind = NODE_DOTTED;
    else if (next->kind != NODE_DOTTED)
      return key_error(p, pos, key, i, next, "is already defined and cannot be added to");
    table = next;
  }
  *ret_table = table;
  return NULL;
}

/* The same for a header: [a.b.c] also leads through tables that are defined already, and into the
 * last item of an array of tables. */
static err *enter_header(struct parser *p, size_t pos, const struct strv *key,
                         struct node **ret_table) {
  struct node *table = p->root;
  for (size_t i = 0; i + 1 < key->len; i++) {
    struct node *next = map_get(table->children, key->items[i]);
    if (!next)
      TRY(node_add(p, table, key->items[i], NODE_IMPLICIT, json_object(), &next));
    else if (next->kind == NODE_TABLE_ARRAY)
      next = next->items[next->items_len - 1];
    else if (next->kind < NODE_IMPLICIT)
      return key_error(p, pos, key, i, next, "is already defined and cannot be added to");
    table = next;
  }
  *ret_table = table;
  return NULL;
}

static err *read_value(struct parser *p, struct node *parent, const char *key);

static err *read_array(struct parser *p, struct node *parent, const char *key) {
  struct toml_lex *lex = &p->lex;
  struct node *array;
  TRY(node_add(p, parent, key, NODE_ARRAY, json_array(), &array));
  toml_lex_take(lex, '[');
  for (;;) {
    toml_lex_skip_lines(lex);
    if (toml_lex_take(lex, ']')) return NULL;
    TRY(read_value(p, array, NULL));
    toml_lex_skip_lines(lex);
    if (!toml_lex_take(lex, ',') && toml_lex_peek(lex) != ']')
      return toml_lex_error(lex, "expected ',' or ']' in the array of line %d", array->line);
  }
}

/* key = value, without what follows it. */
static err *read_pair(struct parser *p, struct node *table) {
  auto_strv key = STRV_EMPTY;
  size_t pos = p->lex.pos;
  TRY(read_key(p, &key));
  if (!toml_lex_take(&p->lex, '=')) return toml_lex_error(&p->lex, "expected '=' after the key");
  toml_lex_skip_space(&p->lex);
  TRY(enter_dotted(p, pos, &key, table, &table));
  const char *name = key.items[key.len - 1];
  const struct node *earlier = map_get(table->children, name);
  if (earlier) return key_error(p, pos, &key, key.len - 1, earlier, "is already defined");
  return read_value(p, table, name);
}

static err *read_inline_table(struct parser *p, struct node *parent, const char *key) {
  struct toml_lex *lex = &p->lex;
  struct node *table;
  TRY(node_add(p, parent, key, NODE_INLINE, json_object(), &table));
  toml_lex_take(lex, '{');
  toml_lex_skip_space(lex);
  if (toml_lex_take(lex, '}')) return NULL;
  do {
    toml_lex_skip_space(lex);
    TRY(read_pair(p, table));
    toml_lex_skip_space(lex);
  } while (toml_lex_take(lex, ','));
  if (!toml_lex_take(lex, '}'))
    return toml_lex_error(lex, "expected ',' or '}' on the line of the inline table");
  return NULL;
}

static err *read_value(struct parser *p, struct node *parent, const char *key) {
  int c = toml_lex_peek(&p->lex);
  if (c == '[') return read_array(p, parent, key);
  if (c == '{') return read_inline_table(p, parent, key);
  json_t *value;
  if (c == '"' || c == '\'') {
    auto_str text = STR_EMPTY;
    int line = p->lex.line;
    TRY(toml_lex_string(&p->lex, &text));
    value = json_stringn_nocheck(str_text(&text), text.len);
    struct node *n;
    TRY(node_add(p, parent, key, NODE_VALUE, value, &n));
    n->quoted = true;
    n->line = line; /* a multi-line string belongs to the line it begins on */
    return NULL;
  }
  TRY(toml_value_read(&p->lex, &value));
  return node_add(p, parent, key, NODE_VALUE, value, NULL);
}

/* [a.b]: defines the table, which may so far only have been implied. */
static err *open_table(struct parser *p, size_t pos, const struct strv *key) {
  struct node *parent, *table;
  TRY(enter_header(p, pos, key, &parent));
  const char *name = key->items[key->len - 1];
  table = map_get(parent->children, name);
  if (!table) {
    TRY(node_add(p, parent, name, NODE_HEADER, json_object(), &table));
  } else if (table->kind == NODE_IMPLICIT) {
    table->kind = NODE_HEADER;
    table->line = p->lex.line;
  } else {
    return key_error(p, pos, key, key->len - 1, table, "is already defined");
  }
  p->table = table;
  return NULL;
}

/* [[a.b]]: a new table at the end of the array. */
static err *open_array_item(struct parser *p, size_t pos, const struct strv *key) {
  struct node *parent, *array;
  TRY(enter_header(p, pos, key, &parent));
  const char *name = key->items[key->len - 1];
  array = map_get(parent->children, name);
  if (!array)
    TRY(node_add(p, parent, name, NODE_TABLE_ARRAY, json_array(), &array));
  else if (array->kind != NODE_TABLE_ARRAY)
    return key_error(p, pos, key, key->len - 1, array,
                     "is already defined and is not an array of tables");
  return node_add(p, array, NULL, NODE_HEADER, json_object(), &p->table);
}

static err *read_header(struct parser *p) {
  struct toml_lex *lex = &p->lex;
  auto_strv key = STRV_EMPTY;
  toml_lex_take(lex, '[');
  bool array = toml_lex_take(lex, '[');
  size_t pos = lex->pos;
  TRY(read_key(p, &key));
  if (!toml_lex_take(lex, ']') || (array && !toml_lex_take(lex, ']')))
    return toml_lex_error(lex, "expected '%s' after the table's name", array ? "]]" : "]");
  return array ? open_array_item(p, pos, &key) : open_table(p, pos, &key);
}

static err *read_document(struct parser *p) {
  struct toml_lex *lex = &p->lex;
  for (;;) {
    toml_lex_skip_lines(lex);
    if (toml_lex_peek(lex) == TOML_LEX_END) return NULL;
    TRY(toml_lex_peek(lex) == '[' ? read_header(p) : read_pair(p, p->table));
    TRY(toml_lex_end_of_line(lex));
  }
}

err *toml_parse(const char *text, size_t len, const char *what, toml **ret_doc) {
  if (len > TOML_MAX_BYTES)
    return err_new(ERR_LIMIT, "%s: larger than %d bytes", what, TOML_MAX_BYTES);
  struct parser p = {0};
  TRY(toml_lex_init(&p.lex, text, len, what));
  __attribute__((cleanup(node_cleanup))) struct node *root =
      node_new(NODE_HEADER, json_object(), 1, 0);
  p.root = p.table = root;
  TRY(read_document(&p));
  toml *doc = mem_zalloc(sizeof *doc);
  doc->root = root;
  root = NULL;
  *ret_doc = doc;
  return NULL;
}

const json_t *toml_root(const toml *doc) {
  return doc->root->value;
}

void toml_free(toml *doc) {
  if (!doc) return;
  node_cleanup(&doc->root);
  free(doc);
}

char *toml_path_join(const char *path, const char *key) {
  auto_str joined = STR_EMPTY;
  str_add(&joined, path);
  if (*path) str_add_char(&joined, '.');
  bool bare = *key != '\0';
  for (const char *c = key; *c; c++)
    bare = bare && toml_lex_is_bare((unsigned char)*c);
  if (bare) {
    str_add(&joined, key);
    return str_take(&joined);
  }
  str_add_char(&joined, '"');
  for (; *key; key++) {
    if (*key == '"' || *key == '\\') str_add_char(&joined, '\\');
    str_add_char(&joined, *key);
  }
  str_add_char(&joined, '"');
  return str_take(&joined);
}

/* Reads one key of a path as toml_path_join wrote it. */
static bool take_path_key(const char **path, struct str *key) {
  const char *p = *path;
  if (*p != '"') {
    for (; toml_lex_is_bare((unsigned char)*p); p++)
      str_add_char(key, *p);
    bool some = p > *path;
    *path = p;
    return some;
  }
  for (p++; *p && *p != '"'; p++) {
    if (*p == '\\' && p[1]) p++;
    str_add_char(key, *p);
  }
  *path = *p ? p + 1 : p;
  return *p == '"';
}

static const struct node *find_step(const struct node *n, const char **path) {
  if (**path == '[') {
    char *end;
    unsigned long index = strtoul(*path + 1, &end, 10);
    *path = end + 1;
    return *end == ']' && index < n->items_len ? n->items[index] : NULL;
  }
  if (**path == '.') (*path)++;
  auto_str key = STR_EMPTY;
  if (!take_path_key(path, &key) || !n->children) return NULL;
  return map_get(n->children, str_text(&key));
}

static const struct node *find(const toml *doc, const char *path) {
  const struct node *n = doc->root;
  while (n && *path)
    n = find_step(n, &path);
  return n;
}

int toml_line_of(const toml *doc, const char *path) {
  const struct node *n = find(doc, path);
  return n ? n->line : 0;
}

bool toml_is_string(const toml *doc, const char *path) {
  const struct node *n = find(doc, path);
  return n && n->quoted;
}
