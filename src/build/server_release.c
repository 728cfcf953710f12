#include "build/server_release.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Oldest first. */
/* clang-format off */
static const struct server_release releases[] = {
  {"postgres", "15",    "bookworm"},
  {"postgres", "17",    "trixie"},
  {"postgis",  "15",    "bookworm"},
  {"postgis",  "17",    "trixie"},
  {"pgvector", "17",    "trixie"},
  {"mariadb",  "10.11", "bookworm"},
  {"mariadb",  "11.8",  "trixie"},
  {"mysql",    "11.8",  "trixie"},
  {"redis",    "7.0",   "bookworm"},
  {"redis",    "8.0",   "trixie"},
  {"valkey",   "8.1",   "trixie"},
  {"s3",       "2.35",  "trixie"},
};

static const struct product { const char *name, *label; bool exact; } products[] = {
  {"postgres", "Postgres", true},
  {"postgis",  "PostGIS on Postgres", true},
  {"pgvector", "pgvector on Postgres", true},
  {"mariadb",  "MariaDB", false},
  {"mysql",    "MariaDB", false},
  {"redis",    "Redis", false},
  {"valkey",   "Valkey", false},
  {"s3",       "Swift", false},
};
/* clang-format on */

struct version {
  int parts[2];
  int len; /* of the parts that were given; 0: any */
};

static struct version read_version(const char *text) {
  struct version v = {0};
  const char *p = str_starts(text, "pg") ? text + strlen("pg") : text;
  while (v.len < 2 && isdigit((unsigned char)*p)) {
    char *end;
    long number = strtol(p, &end, 10);
    v.parts[v.len++] = number > 9999 ? 9999 : (int)number;
    p = *end == '.' ? end + 1 : "";
  }
  return v;
}

static const struct product *product_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(products); i++)
    if (str_eq(products[i].name, name)) return &products[i];
  return NULL;
}

/* <0, 0, >0 as Debian's is older than, as good as, or newer than what was asked for. */
static int compare(const char *debian, const struct version *wanted) {
  struct version has = read_version(debian);
  for (int i = 0; i < wanted->len && i < has.len; i++)
    if (has.parts[i] != wanted->parts[i]) return has.parts[i] < wanted->parts[i] ? -1 : 1;
  return 0;
}

static const struct server_release *newest(const char *product) {
  const struct server_release *found = NULL;
  for (size_t i = 0; i < ARRAY_LEN(releases); i++)
    if (str_eq(releases[i].product, product)) found = &releases[i];
  return found;
}

static const struct server_release *choose(const struct product *p, const struct version *wanted) {
  bool mysql = str_eq(p->name, "mysql"); /* another program's numbers */
  if (mysql || !wanted->len) return newest(p->name);
  for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
    int order = compare(releases[i].version, wanted);
    if (str_eq(releases[i].product, p->name) && (order == 0 || (order > 0 && !p->exact))) return &releases[i];
  }
  return NULL;
}

static char *caution(const struct product *p, const struct version *wanted, const struct server_release *r) {
  if (str_eq(p->name, "mysql"))
    return str_format("MariaDB %s stands in for MySQL, which Debian has not: MySQL cannot open its data later", r->version);
  if (!wanted->len || compare(r->version, wanted) == 0) return NULL;
  return str_format("Debian's %s %s stands in for the older one: that one cannot open its data later", p->label, r->version);
}

const struct server_release *server_release_find(const char *product, const char *tag, char **ret_caution) {
  const struct product *p = product_named(product);
  if (!p) return NULL;
  struct version wanted = read_version(tag);
  const struct server_release *found = choose(p, &wanted);
  if (found) *ret_caution = caution(p, &wanted, found);
  return found;
}

const char *server_release_label(const char *product) {
  const struct product *p = product_named(product);
  return p ? p->label : NULL;
}

char *server_release_list(const char *product) {
  const struct product *p = product_named(product);
  if (!p) return NULL;
  auto_str text = STR_EMPTY;
  for (size_t i = 0; i < ARRAY_LEN(releases); i++)
    if (str_eq(releases[i].product, product))
      str_addf(&text, "%s%s", text.len ? " and " : "", releases[i].version);
  return str_format("%s %s", p->label, str_text(&text));
}
