#include "build/base_recipe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "build/server_release.h"

#define OWN "tramway/"

/* What Debian's releases bring. */
/* clang-format off */
static const struct suite { const char *name, *number, *python, *go, *nginx, *caddy; } suites[] = {
  {"bookworm", "12", "3.11", "1.19", "1.22", "2.6"},
  {"trixie",   "13", "3.13", "1.24", "1.26", "2.6"},
};

enum kind { KIND_DEBIAN, KIND_ALPINE, KIND_PYTHON, KIND_NODE, KIND_GO, KIND_NGINX, KIND_CADDY };

static const struct family { const char *image, *recipe; enum kind kind; } families[] = {
  {"debian",  "debian", KIND_DEBIAN},
  {"ubuntu",  "debian", KIND_DEBIAN},
  {"alpine",  "alpine", KIND_ALPINE},
  {"busybox", "alpine", KIND_ALPINE},
  {"python",  "python", KIND_PYTHON},
  {"node",    "node",   KIND_NODE},
  {"golang",  "golang", KIND_GO},
  {"nginx",   "nginx",  KIND_NGINX},
  {"caddy",   "caddy",  KIND_CADDY},
};

/* Database servers: `product` is server_release.h's, `variant` is for the recipe's Dockerfile. */
static const struct server { const char *image, *recipe, *product, *variant; } servers[] = {
  {"postgres", "postgres", "postgres", ""},
  {"postgis",  "postgres", "postgis",  "postgis"},
  {"pgvector", "postgres", "pgvector", ""},
  {"mariadb",  "mariadb",  "mariadb",  ""},
  {"mysql",    "mariadb",  "mysql",    ""},
  {"redis",    "redis",    "redis",    ""},
  {"valkey",   "redis",    "valkey",   "valkey"},
  {"s3",       "s3",       "s3",       ""},
  {"postgis/postgis",   "postgres", "postgis",  "postgis"},
  {"pgvector/pgvector", "postgres", "pgvector", ""},
  {"valkey/valkey",     "redis",    "valkey",   "valkey"},
  {"railwayapp-templates/postgres-ssl", "postgres", "postgres", ""},
};

static const struct { const char *name, *major; } node_releases[] = {
  {"hydrogen", "18"}, {"iron", "20"}, {"jod", "22"}, {"krypton", "24"}, {"lts", "24"},
};
/* clang-format on */

const char *base_recipe_names(void) {
  return "debian, ubuntu, alpine, busybox, python, node, golang, nginx, caddy, postgres, postgis, pgvector, mariadb, "
         "mysql, redis, valkey, s3";
}

static const struct suite *suite_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(suites); i++)
    if (str_eq(suites[i].name, name)) return &suites[i];
  return &suites[ARRAY_LEN(suites) - 1];
}

bool base_recipe_is_own(const struct reference *r) {
  return str_eq(r->registry, "docker.io") && str_starts(r->repository, OWN);
}

/* "node" for the official image, under the names of Docker Hub and of its mirrors, and for our own;
 * "postgis/postgis" for another's; NULL for what no recipe stands in for. */
static const char *name_of(const struct reference *r) {
  static const char *const prefixes[] = {OWN, "library/", "docker/library/"};
  bool hub = str_eq(r->registry, "docker.io") || str_eq(r->registry, "public.ecr.aws") ||
             str_eq(r->registry, "mirror.gcr.io");
  for (size_t i = 0; hub && i < ARRAY_LEN(prefixes); i++)
    if (str_starts(r->repository, prefixes[i])) return r->repository + strlen(prefixes[i]);
  bool others = strchr(r->repository, '/') && (hub || str_eq(r->registry, "ghcr.io"));
  return others ? r->repository : NULL;
}

static const struct family *family_of(const struct reference *r) {
  const char *name = name_of(r);
  for (size_t i = 0; name && i < ARRAY_LEN(families); i++)
    if (str_eq(families[i].image, name)) return &families[i];
  return NULL;
}

static const struct server *server_of(const struct reference *r) {
  const char *name = name_of(r);
  for (size_t i = 0; name && i < ARRAY_LEN(servers); i++)
    if (str_eq(servers[i].image, name)) return &servers[i];
  return NULL;
}

static const char *suite_in_tag(const char *tag) {
  for (size_t i = 0; i < ARRAY_LEN(suites); i++)
    if (strstr(tag, suites[i].name)) return suites[i].name;
  return NULL;
}

/* The leading "3.11" of "3.11.4-slim" (two parts) or "20" (one part); "" when it begins otherwise. */
static char *version_in_tag(const char *tag, int parts) {
  const char *p = tag;
  while (parts > 0 && isdigit((unsigned char)*p)) {
    while (isdigit((unsigned char)*p)) p++;
    if (--parts > 0 && *p == '.' && isdigit((unsigned char)p[1])) p++;
  }
  return str_ndup(tag, (size_t)(p - tag));
}

static long long minor_of(const char *version) {
  const char *dot = strchr(version, '.');
  return dot ? atoll(dot + 1) : 0;
}

static const char *debian_suite(const struct reference *r, const char *otherwise) {
  const char *named = suite_in_tag(r->tag);
  for (size_t i = 0; i < ARRAY_LEN(suites) && !named; i++)
    if (str_starts(r->tag, suites[i].number)) named = suites[i].name;
  return named ? named : otherwise;
}

static char *node_major(const char *tag) {
  for (size_t i = 0; i < ARRAY_LEN(node_releases); i++)
    if (str_starts(tag, node_releases[i].name)) return str_dup(node_releases[i].major);
  return version_in_tag(tag, 1);
}

/* Fills version and suite by what the family's versions mean. */
static void choose(struct base_recipe *r, const struct reference *ref, enum kind kind, const char *suite) {
  const char *named = suite_in_tag(ref->tag);
  const char *chosen = named ? named : suite;
  r->version = str_dup("");
  if (kind == KIND_DEBIAN) chosen = debian_suite(ref, suite);
  if (kind == KIND_NODE) {
    free(r->version);
    r->version = node_major(ref->tag);
  }
  if (kind == KIND_PYTHON || kind == KIND_GO) {
    auto_free char *wanted = version_in_tag(ref->tag, 2);
    bool old = *wanted && minor_of(wanted) <= (kind == KIND_GO ? 19 : 11) && strchr(wanted, '.');
    chosen = old ? "bookworm" : "trixie";
  }
  r->suite = str_dup(chosen);
}

/* A suite ends in names and in mmdebstrap's arguments. */
static bool is_word(const char *text) {
  return !str_empty(text) && strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

/* The version decides the suite: with another one it would be another server. */
static bool find_server(const struct server *server, const struct reference *reference, struct base_recipe *ret_recipe) {
  char *caution = NULL;
  const struct server_release *release = server_release_find(server->product, reference->tag, &caution);
  if (!release) return false;
  *ret_recipe = (struct base_recipe){
      .name = str_dup(server->recipe),
      .version = str_dup(release->version),
      .suite = str_dup(release->suite),
      .parent = str_dup("database"),
      .variant = str_dup(server->variant),
      .label = str_dup(server_release_label(server->product)),
      .caution = caution,
      .alpine = strstr(reference->tag, "alpine"),
  };
  return true;
}

char *base_recipe_versions(const struct reference *reference) {
  const struct server *server = server_of(reference);
  return server ? server_release_list(server->product) : NULL;
}

bool base_recipe_find(const struct reference *reference, const char *suite, const char *forced,
                      struct base_recipe *ret_recipe) {
  const struct server *server = server_of(reference);
  if (server) return find_server(server, reference, ret_recipe);
  const struct family *family = family_of(reference);
  if (!family) return false;
  struct base_recipe r = {0};
  choose(&r, reference, family->kind, str_empty(suite) ? "trixie" : suite);
  if (is_word(forced)) str_replace_owned(&r.suite, forced);
  r.name = str_dup(family->recipe);
  r.variant = str_dup("");
  r.alpine = family->kind > KIND_ALPINE && strstr(reference->tag, "alpine");
  bool can_be_full = family->kind == KIND_PYTHON || family->kind == KIND_NODE || family->kind == KIND_GO;
  r.full = can_be_full && !r.alpine && !strstr(reference->tag, "slim");
  r.parent = str_dup(family->kind == KIND_DEBIAN ? "" : r.alpine ? "alpine" : "debian");
  *ret_recipe = r;
  return true;
}

void base_recipe_parent(const struct base_recipe *r, struct base_recipe *ret_parent) {
  bool of_database = str_eq(r->parent, "database");
  const char *parent = of_database && r->alpine ? "alpine" : str_eq(r->parent, "debian") ? "" : "debian";
  *ret_parent = (struct base_recipe){
      .name = str_dup(r->parent),
      .version = str_dup(""),
      .suite = str_dup(r->suite),
      .parent = str_dup(parent),
      .variant = str_dup(""),
      .alpine = of_database && r->alpine,
  };
}

void base_recipe_copy(const struct base_recipe *from, struct base_recipe *to) {
  *to = (struct base_recipe){
      .name = str_dup(from->name),
      .version = str_dup(from->version),
      .suite = str_dup(from->suite),
      .parent = str_dup(from->parent),
      .variant = str_dup(from->variant),
      .label = str_dup(from->label),
      .caution = str_dup(from->caution),
      .full = from->full,
      .alpine = from->alpine,
  };
}

void base_recipe_done(struct base_recipe *r) {
  free(r->name);
  free(r->version);
  free(r->suite);
  free(r->parent);
  free(r->variant);
  free(r->label);
  free(r->caution);
  *r = (struct base_recipe){0};
}

char *base_recipe_key(const struct base_recipe *r) {
  return str_format("%s:%s%s%s%s%s%s%s", r->name, r->version, *r->version ? "-" : "", r->suite, *r->variant ? "-" : "",
                    r->variant, r->alpine ? "-alpine" : "", r->full ? "-full" : "");
}

char *base_recipe_contents(const struct base_recipe *r) {
  const struct suite *s = suite_named(r->suite);
  if (str_eq(r->name, "python")) return str_format("Debian %s's Python %s", s->name, s->python);
  if (str_eq(r->name, "golang")) return str_format("Debian %s's Go %s", s->name, s->go);
  if (str_eq(r->name, "nginx")) return str_format("Debian %s's nginx %s", s->name, s->nginx);
  if (str_eq(r->name, "caddy")) return str_format("Debian %s's Caddy %s", s->name, s->caddy);
  if (r->label) return str_format("Debian %s's %s %s", s->name, r->label, r->version);
  if (str_eq(r->name, "node"))
    return str_format("Debian %s and npm's build of Node %s", s->name, *r->version ? r->version : "(newest)");
  return str_format("Debian %s", s->name);
}
