/* Node: package.json. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "build/provider.h"
#include "build/provider_node.h"

#define DEFAULT_VERSION 24 /* the long-term release */

/* clang-format off */
static const struct node_manager managers[] = {
  {"npm",  "package-lock.json", "npm ci",                                           "npm install",  "npm run",  "/root/.npm"},
  {"pnpm", "pnpm-lock.yaml",    "pnpm install --frozen-lockfile --prefer-offline", "pnpm install", "pnpm run", "/root/.local/share/pnpm/store"},
  {"bun",  "bun.lock",          "bun install --frozen-lockfile",                    "bun install",  "bun run",  "/root/.bun/install/cache"},
  {"bun",  "bun.lockb",         "bun install --frozen-lockfile",                    "bun install",  "bun run",  "/root/.bun/install/cache"},
  {"yarn", "yarn.lock",         "yarn install --frozen-lockfile",                   "yarn install", "yarn run", "/usr/local/share/.cache/yarn"},
};
/* clang-format on */

static bool detect(const struct draft *d) {
  return draft_has(d, "package.json");
}

const char *node_script(const json_t *package, const char *name) {
  return json_get_text(json_object_get(package, "scripts"), name);
}

bool node_depends_on(const json_t *package, const char *name) {
  return json_object_get(json_object_get(package, "dependencies"), name) ||
         json_object_get(json_object_get(package, "devDependencies"), name);
}

static const struct node_manager *manager_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(managers); i++)
    if (str_eq(managers[i].name, name)) return &managers[i];
  return NULL;
}

/* packageManager, then the lock files, then engines, then npm. */
static const struct node_manager *find_manager(const struct draft *d, const json_t *package) {
  const char *wanted = json_get_text(package, "packageManager");
  if (wanted) {
    auto_free char *name = str_ndup(wanted, strcspn(wanted, "@"));
    const struct node_manager *named = manager_named(name);
    if (named) return named;
  }
  for (size_t i = 0; i < ARRAY_LEN(managers); i++)
    if (draft_has(d, managers[i].lock)) return &managers[i];
  const json_t *engines = json_object_get(package, "engines");
  static const char *const names[] = {"pnpm", "bun", "yarn"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (json_object_get(engines, names[i])) return manager_named(names[i]);
  return &managers[0];
}

/* "lts/iron" → "iron", ">=18" → the default when that is newer, "20.x" → "20"; NULL for "any". */
static char *major_of_range(const char *range) {
  if (str_starts(range, "lts/")) return str_eq(range, "lts/*") ? NULL : str_dup(range + 4);
  char *number = version_number(range, 1);
  bool at_least = str_starts(range, ">") && !strchr(range, '<');
  if (*number && !(at_least && atoi(number) < DEFAULT_VERSION)) return number;
  free(number);
  return NULL;
}

static char *find_version(struct draft *d, const json_t *package) {
  auto_free char *nvmrc = draft_read(d, ".nvmrc");
  auto_free char *node_version = draft_read(d, ".node-version");
  const struct { const char *range, *where; } places[] = {
      {draft_setting(d, "NODE_VERSION"), "a NODE_VERSION variable"},
      {json_get_text(json_object_get(package, "engines"), "node"), "engines in package.json"},
      {nvmrc, ".nvmrc"},
      {node_version, ".node-version"},
  };
  for (size_t i = 0; i < ARRAY_LEN(places); i++) {
    char *major = str_empty(places[i].range) ? NULL : major_of_range(places[i].range);
    if (!major) continue;
    draft_note(d, "Node %s (from %s)", major, places[i].where);
    return major;
  }
  draft_note(d, "Node %d (nothing asks for another)", DEFAULT_VERSION);
  return str_format("%d", DEFAULT_VERSION);
}

/* Scripts that run while installing may need any file of the source. */
static bool install_needs_all(const struct draft *d, const json_t *package) {
  static const char *const scripts[] = {"preinstall", "install", "postinstall", "prepare"};
  for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
    if (node_script(package, scripts[i])) return true;
  return json_object_get(package, "workspaces") || draft_has(d, "pnpm-workspace.yaml") ||
         source_has_folder(d->source, "patches") || source_has_folder(d->source, ".yarn") ||
         source_has_folder(d->source, "prisma") || draft_has(d, ".pnpmfile.cjs");
}

static void add_install(struct draft *d, const json_t *package, const struct node_manager *m) {
  static const char *const files[] = {"package.json", "package-lock.json", "npm-shrinkwrap.json",
                                      "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", ".npmrc", ".yarnrc", ".yarnrc.yml"};
  for (size_t i = 0; i < ARRAY_LEN(files) && !install_needs_all(d, package); i++)
    if (draft_has(d, files[i])) strv_add(&d->install_files, files[i]);
  bool berry = str_eq(m->name, "yarn") && draft_has(d, ".yarnrc.yml");
  const char *exact = json_get_text(package, "packageManager");
  if (str_eq(m->name, "pnpm") || str_eq(m->name, "bun")) {
    auto_free char *wanted = str_ndup(exact ? exact : m->name, strcspn(exact ? exact : m->name, "+"));
    strv_addf(&d->installs, "npm install --global %s", wanted);
  }
  if (berry) strv_add(&d->installs, "corepack enable");
  bool locked = draft_has(d, m->lock) || draft_has(d, "npm-shrinkwrap.json");
  strv_add(&d->installs, berry ? "yarn install --check-cache" : locked ? m->locked_install : m->install);
  strv_add(&d->caches, m->cache);
  draft_note(d, "installed with %s%s", m->name, locked ? ", by its lock file" : " (no lock file)");
}

/* Modules that compile when no ready-made binary can be downloaded. */
static void add_system_packages(struct draft *d, const json_t *package) {
  static const char *const native[] = {"bcrypt", "better-sqlite3", "sqlite3", "argon2", "canvas", "node-gyp", "re2"};
  bool compiler = false;
  for (size_t i = 0; i < ARRAY_LEN(native); i++) compiler |= node_depends_on(package, native[i]);
  bool openssl = node_depends_on(package, "prisma") || node_depends_on(package, "@prisma/client");
  if (!compiler && !openssl) return;
  auto_free char *before = str_dup(d->setup);
  draft_set(&d->setup, "%sRUN apt-get update && apt-get install -y --no-install-recommends%s%s && rm -rf /var/lib/apt/lists/*\n",
            before, compiler ? " python3 make g++" : "", openssl ? " openssl ca-certificates" : "");
}

static void find_start(struct draft *d, const json_t *package, const struct node_manager *m) {
  static const char *const files[] = {"index.js", "index.mjs", "server.js", "app.js", "src/index.js", "index.ts"};
  const char *main = json_get_text(package, "main");
  if (node_script(package, "start")) {
    draft_set(&d->start, "%s start", m->run);
    draft_note(d, "start script of package.json");
    return;
  }
  if (node_depends_on(package, "nuxt")) {
    draft_set(&d->start, "node .output/server/index.mjs");
    return;
  }
  if (node_depends_on(package, "@sveltejs/adapter-node")) {
    draft_set(&d->start, "node build/index.js");
    return;
  }
  if (node_depends_on(package, "next")) {
    draft_set(&d->start, "npx next start -p ${PORT:-3000}");
    return;
  }
  if (main && draft_has(d, main)) {
    auto_str word = STR_EMPTY;
    shell_quote(&word, main);
    draft_set(&d->start, "node %s", str_text(&word));
    return;
  }
  for (size_t i = 0; i < ARRAY_LEN(files) && !*d->start; i++)
    if (draft_has(d, files[i])) draft_set(&d->start, "node %s", files[i]);
}

static bool start_is_set(const struct draft *d) {
  auto_free char *procfile = procfile_command(d->source, NULL);
  return procfile || !str_empty(d->request->start_command) || draft_setting(d, "START_CMD") ||
         json_object_get(json_object_get(d->nixpacks, "start"), "cmd") ||
         json_object_get(json_object_get(d->railpack, "deploy"), "startCommand");
}

static void make_static(struct draft *d, const char *folder, const char *framework) {
  auto_free char *absolute = str_format("/app/%s", folder);
  auto_str out = STR_EMPTY;
  static_site_lines(&out, "build", absolute, true);
  draft_set(&d->final, "%s", str_text(&out));
  d->static_site = true;
  draft_note(d, "%s builds a single-page app into %s/; Caddy serves it on $PORT (RAILPACK_NO_SPA=1: do not)", framework, folder);
}

static err *fill_from(struct draft *d, const json_t *package) {
  auto_free char *node = find_version(d, package);
  const struct node_manager *m = find_manager(d, package);
  draft_set(&d->image, "node:%s-slim", node);
  draft_set(&d->setup, "ENV NODE_ENV=production NPM_CONFIG_INCLUDE=dev YARN_PRODUCTION=false CI=true "
                       "NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false COREPACK_ENABLE_DOWNLOAD_PROMPT=0\n");
  add_system_packages(d, package);
  add_install(d, package, m);
  if (node_script(package, "build")) {
    strv_addf(&d->builds, "%s build", m->run);
    draft_note(d, "build script of package.json");
  }
  auto_free char *framework = NULL;
  auto_free char *folder = start_is_set(d) ? NULL : node_spa_folder(d, package, &framework);
  if (folder) {
    make_static(d, folder, framework);
    return NULL;
  }
  if (draft_variable(d, "RAILPACK_PRUNE_DEPS") && str_eq(m->name, "npm"))
    strv_add(&d->builds, "npm prune --omit=dev --ignore-scripts");
  find_start(d, package, m);
  return NULL;
}

static err *fill(struct draft *d) {
  auto_json *package = NULL;
  TRY(draft_read_object(d, "package.json", &package));
  return fill_from(d, package);
}

const struct provider provider_node = {
    .name = "node",
    .detect = detect,
    .fill = fill,
    .looks_for = "package.json (Node)",
};
