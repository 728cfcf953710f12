/* Node sources that end as static files. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "build/provider_node.h"

/* A start script that only runs the development server does not count as a server. */
/* clang-format off */
static const struct spa { const char *name, *package, *build, *start, *folder; } frameworks[] = {
  {"Angular",          "@angular/core",    "ng build",              "ng serve",            NULL},
  {"Create React App", "react-scripts",    "react-scripts build",   "react-scripts start", "build"},
  {"Vue CLI",          "@vue/cli-service", "vue-cli-service build", "vue-cli-service",     "dist"},
  {"Astro",            "astro",            "astro build",           "astro",               "dist"},
  {"Vite",             "vite",             "vite build",            "vite",                "dist"},
};
/* clang-format on */

/* These use Vite but bring a server. */
static const char *const servers[] = {"@sveltejs/kit", "nuxt", "@remix-run/dev", "@react-router/dev",
                                      "@solidjs/start", "@tanstack/react-start", "vinxi", "express",
                                      "fastify", "koa", "@hapi/hapi", "@nestjs/core"};

static bool has_server(const json_t *package) {
  for (size_t i = 0; i < ARRAY_LEN(servers); i++)
    if (node_depends_on(package, servers[i])) return true;
  return false;
}

/* Angular names the folder in angular.json: architect.build.options.outputPath of its first project. */
static char *angular_folder(const struct draft *d) {
  auto_json *angular = NULL;
  auto_err *e = draft_read_object(d, "angular.json", &angular);
  json_t *projects = e ? NULL : json_object_get(angular, "projects");
  void *first = json_object_iter(projects);
  if (!first) return str_dup("dist");
  const json_t *build = json_object_get(json_object_get(json_object_iter_value(first), "architect"), "build");
  const json_t *output = json_object_get(json_object_get(build, "options"), "outputPath");
  const char *path = json_is_object(output) ? json_get_text(output, "base") : json_string_value(output);
  const char *builder = json_get_text(build, "builder");
  bool application = builder && str_ends(builder, ":application"); /* puts browser files one deeper */
  auto_free char *folder = path ? str_dup(path) : str_format("dist/%s", json_object_iter_key(first));
  return application ? str_format("%s/browser", folder) : str_dup(folder);
}

/* `outDir: "build"` of a Vite or Astro configuration. */
static char *configured_folder(const struct draft *d, const char *otherwise) {
  static const char *const files[] = {"vite.config.ts", "vite.config.js", "vite.config.mjs",
                                      "astro.config.mjs", "astro.config.ts"};
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    auto_free char *text = draft_read(d, files[i]);
    const char *key = text ? strstr(text, "outDir:") : NULL;
    if (!key) continue;
    const char *p = key + strlen("outDir:");
    p += strspn(p, " \t");
    if (*p != '"' && *p != '\'') continue;
    auto_free char *value = str_ndup(p + 1, strcspn(p + 1, "\"'\n"));
    const char *folder = str_starts(value, "./") ? value + 2 : value;
    if (*folder && *folder != '/' && !strstr(folder, "..") && !strpbrk(folder, " \\$")) return str_dup(folder);
  }
  return str_dup(otherwise);
}

static bool is_next_export(const struct draft *d) {
  static const char *const files[] = {"next.config.js", "next.config.mjs", "next.config.ts"};
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    auto_free char *text = draft_read(d, files[i]);
    if (text && (strstr(text, "output: 'export'") || strstr(text, "output: \"export\""))) return true;
  }
  return false;
}

static bool has_astro_server(const struct draft *d) {
  auto_free char *text = draft_read(d, "astro.config.mjs");
  return text && strstr(text, "adapter");
}

static const struct spa *find_framework(const struct draft *d, const json_t *package) {
  const char *build = node_script(package, "build"), *start = node_script(package, "start");
  for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
    const struct spa *f = &frameworks[i];
    bool fits = node_depends_on(package, f->package) && build && strstr(build, f->build);
    bool serves = start && !str_starts(start, f->start);
    bool astro_server = str_eq(f->package, "astro") && has_astro_server(d);
    if (fits && !serves && !astro_server) return f;
  }
  return NULL;
}

char *node_spa_folder(const struct draft *d, const json_t *package, char **ret_framework) {
  if (draft_setting(d, "NO_SPA") || has_server(package)) return NULL;
  const char *set = draft_setting(d, "SPA_OUTPUT_DIR");
  if (!set) set = draft_setting(d, "SPA_OUT_DIR");
  bool safe = set && *set != '/' && !strstr(set, "..") && !strpbrk(set, " \t\n\\$");
  if (node_depends_on(package, "next") && is_next_export(d)) {
    *ret_framework = str_dup("Next.js (export)");
    return str_dup(safe ? set : "out");
  }
  const struct spa *found = find_framework(d, package);
  if (!found && !safe) return NULL;
  *ret_framework = str_dup(found ? found->name : "the build");
  if (safe) return str_dup(set);
  return found->folder ? configured_folder(d, found->folder) : angular_folder(d);
}
