/* Go. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/provider.h"

#define DEFAULT_VERSION "1.24" /* Debian trixie's */

static bool detect(const struct draft *d) {
  return draft_has(d, "go.mod") || draft_has(d, "go.work") || draft_has(d, "main.go");
}

/* The "go 1.22" line of go.mod or go.work. */
static char *declared_version(const struct draft *d, const char *file) {
  auto_free char *text = draft_read(d, file);
  if (!text) return NULL;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++)
    if (str_starts(lines.items[i], "go ")) return version_number(lines.items[i], 2);
  return NULL;
}

static char *version(struct draft *d) {
  const char *set = draft_setting(d, "GO_VERSION");
  if (set) {
    draft_note(d, "Go %s (from a GO_VERSION variable)", set);
    return version_number(set, 2);
  }
  char *declared = declared_version(d, "go.mod");
  if (!declared) declared = declared_version(d, "go.work");
  if (!declared) return str_dup(DEFAULT_VERSION);
  draft_note(d, "Go %s (from go.mod)", declared);
  return declared;
}

static bool has_go_files(const struct draft *d, const char *folder) {
  auto_strv names = STRV_EMPTY;
  d->source->list(d->source->arg, folder, &names);
  for (size_t i = 0; i < names.len; i++)
    if (str_ends(names.items[i], ".go") && !str_ends(names.items[i], "_test.go")) return true;
  return false;
}

/* What `go build` gets: a setting, the root, or the first program of cmd/. */
static char *package(struct draft *d) {
  const char *name = draft_setting(d, "GO_BIN");
  if (name) return str_format("./cmd/%s", name);
  const char *module = draft_variable(d, "RAILPACK_GO_WORKSPACE_MODULE");
  if (module) return str_format("./%s", module);
  if (has_go_files(d, "")) return str_dup(".");
  auto_strv names = STRV_EMPTY;
  d->source->list(d->source->arg, "cmd", &names);
  for (size_t i = 0; i < names.len; i++)
    if (str_ends(names.items[i], "/")) {
      names.items[i][strlen(names.items[i]) - 1] = '\0';
      draft_note(d, "the program in cmd/%s (RAILPACK_GO_BIN chooses another)", names.items[i]);
      return str_format("./cmd/%s", names.items[i]);
    }
  return str_dup(".");
}

static void add_download(struct draft *d) {
  bool needed = draft_has(d, "go.sum") && !source_has_folder(d->source, "vendor") && !draft_has(d, "go.work");
  if (!needed) return;
  strv_add(&d->install_files, "go.mod");
  strv_add(&d->install_files, "go.sum");
  strv_add(&d->installs, "go mod download || { echo 'Go modules could not be downloaded. Where no module proxy is "
                         "reached, run \"go mod vendor\" and commit the folder vendor/.' >&2; exit 1; }");
}

static err *fill(struct draft *d) {
  auto_free char *go = version(d);
  auto_free char *target = package(d);
  auto_str quoted = STR_EMPTY;
  shell_quote(&quoted, target);
  draft_set(&d->image, "golang:%s-alpine", go); /* its smaller form: CGO is off, no compiler needed */
  draft_set(&d->setup, "ENV CGO_ENABLED=%d\n", str_eq(draft_variable(d, "CGO_ENABLED"), "1"));
  strv_add(&d->caches, "/root/.cache/go-build");
  strv_add(&d->caches, "/go/pkg/mod");
  add_download(d);
  bool module = draft_has(d, "go.mod") || draft_has(d, "go.work");
  strv_addf(&d->builds, "%sgo build -ldflags=\"-w -s\" -o out %s", module ? "" : "GO111MODULE=off ", str_text(&quoted));
  draft_set(&d->start, "./out");
  draft_set(&d->final, "FROM debian:stable-slim\nWORKDIR /app\n"
                       "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\n"
                       "COPY --from=build /app /app\n");
  draft_note(d, "Go, built without cgo");
  return NULL;
}

const struct provider provider_go = {
    .name = "go",
    .detect = detect,
    .fill = fill,
    .looks_for = "go.mod, go.work, main.go (Go)",
};
