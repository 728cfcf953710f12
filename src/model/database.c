#include "model/database.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

MODEL_ENUM_WORDS(database_kind, "kind of database", "NONE", "POSTGRES", "MYSQL", "REDIS", "MONGO");

// clang-format off
static const struct {
  const char *word;
  enum database_kind kind;
} by_word[] = {
  {"postgres",  DATABASE_POSTGRES},
  {"postgis",   DATABASE_POSTGRES},
  {"pgvector",  DATABASE_POSTGRES},
  {"timescale", DATABASE_POSTGRES},
  {"redis",     DATABASE_REDIS},
  {"valkey",    DATABASE_REDIS},
  {"mongo",     DATABASE_MONGO},
  {"mysql",     DATABASE_MYSQL},
  {"mariadb",   DATABASE_MYSQL},
};

/* What else is named after a database: exporters, pages to look into one, programs in front of one. */
static const char *const no_databases[] = {
  "exporter", "express", "commander", "admin", "backup", "bouncer", "pgpool", "postgrest", "insight", "router",
  "operator", "proxy", "sentinel", "client", "tools",
};

static const struct database_facts facts[] = {
  [DATABASE_POSTGRES] = {"Postgres", 5432,  "/var/lib/postgresql/data", "DATABASE_URL", "DATABASE_PUBLIC_URL"},
  [DATABASE_MYSQL]    = {"MySQL",    3306,  "/var/lib/mysql",           "MYSQL_URL",    "MYSQL_PUBLIC_URL"},
  [DATABASE_REDIS]    = {"Redis",    6379,  "/data",                    "REDIS_URL",    "REDIS_PUBLIC_URL"},
  [DATABASE_MONGO]    = {"MongoDB",  27017, "/data/db",                 "MONGO_URL",    "MONGO_PUBLIC_URL"},
};
// clang-format on

/* "ghcr.io:443/a/Postgres-SSL:17@sha256:…" → "postgres-ssl". */
static char *last_part(const char *image) {
  const char *end = image + strcspn(image, "@");
  const char *start = image;
  for (const char *p = image; p < end; p++)
    if (*p == '/') start = p + 1;
  const char *colon = memchr(start, ':', (size_t)(end - start));
  char *name = str_ndup(start, (size_t)((colon ? colon : end) - start));
  for (char *p = name; *p; p++) *p = (char)tolower((unsigned char)*p);
  return name;
}

enum database_kind database_kind_of_image(const char *image) {
  if (str_empty(image)) return DATABASE_NONE;
  auto_free char *name = last_part(image);
  for (size_t i = 0; i < ARRAY_LEN(no_databases); i++)
    if (strstr(name, no_databases[i])) return DATABASE_NONE;
  for (size_t i = 0; i < ARRAY_LEN(by_word); i++)
    if (strstr(name, by_word[i].word)) return by_word[i].kind;
  return DATABASE_NONE;
}

int database_image_major(const char *image) {
  const char *slash = image ? strrchr(image, '/') : NULL;
  const char *colon = image ? strchr(slash ? slash : image, ':') : NULL;
  if (!colon) return 0;
  const char *tag = str_starts(colon + 1, "pg") ? colon + 3 : colon + 1;
  return isdigit((unsigned char)*tag) && strspn(tag, "0123456789") <= 4 ? atoi(tag) : 0;
}

const struct database_facts *database_facts(enum database_kind kind) {
  if (kind == DATABASE_NONE || (size_t)kind >= ARRAY_LEN(facts)) abort();
  return &facts[kind];
}
