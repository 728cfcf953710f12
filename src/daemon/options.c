#include "daemon/options.h"

#include "base/man.h"
#include "base/mem.h"

static const char summary[] = "Tramway's control plane";
static const char introduction[] =
    "tramd deploys code as running services and keeps them running.  Apps, their logs and their\n"
    "traffic do not need it to be running: it may be stopped, upgraded and started at any time.\n";
static const char behaviour[] =
    "Without an action it serves until SIGTERM; SIGHUP reads the configuration again.\n";

struct option {
  const char *name, *value; /* NULL: takes none */
  enum action action;       /* ACTION_SERVE: not an action */
  const char *help;
};

// clang-format off
static const struct option rows[] = {
    {"--config", "FILE", ACTION_SERVE, "configuration (default: " CONFIG_PATH_DEFAULT ")"},
    {"--check-config", NULL, ACTION_CHECK_CONFIG, "print every key with its value, or what is wrong and where"},
    {"--print-config", NULL, ACTION_PRINT_CONFIG, "print a commented configuration with all defaults"},
    {"--write-config", NULL, ACTION_WRITE_CONFIG, "write one for a machine with systemd to --config's file, unless there is one"},
    {"--stop", NULL, ACTION_STOP, "end the tramd that runs with this configuration; apps run on"},
    {"--halt", NULL, ACTION_HALT, "end it and everything that it started; the data stays"},
    {"--backup", "FILE", ACTION_BACKUP, "write the whole machine to FILE, also while tramd runs"},
    {"--without-key", NULL, ACTION_SERVE, "with --backup: leave out secret.key, without which variables cannot be read"},
    {"--without-snapshots", NULL, ACTION_SERVE, "with --backup: leave out the code that was deployed"},
    {"--without-images", NULL, ACTION_SERVE, "with --backup: leave out images, which are then built again"},
    {"--without-volumes", NULL, ACTION_SERVE, "with --backup: leave out the data of apps"},
    {"--restore", "FILE", ACTION_RESTORE, "put what is in a backup into the data folder; tramd must not run"},
    {"--force", NULL, ACTION_SERVE, "with --restore: move what is there aside"},
    {"--rotate-key", NULL, ACTION_ROTATE_KEY, "encrypt all secrets with a new key; tramd must not run, apps may"},
    {"--print-man", "PAGE", ACTION_PRINT_MAN, "print a manual page: tramd or tramway.toml"},
    {"--version", NULL, ACTION_VERSION, "print the version"},
    {"--help", NULL, ACTION_HELP, "print this"},
};
static const struct { const char *path, *meaning; } files[] = {
    {CONFIG_PATH_DEFAULT, "the configuration, see tramway.toml(5)"},
    {"/var/lib/tramway", "data.dir: everything that must survive"},
    {"/var/lib/tramway/secret.key", "what secrets in the data folder are encrypted with; keep a copy elsewhere"},
    {"/var/lib/tramway/tramway.db.before-N", "the database as it was before the upgrade to its version N; the newest three are kept"},
    {"/run/tramway", "data.run_dir: made anew after a boot"},
};
// clang-format on

static const struct option *find(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eq(rows[i].name, name)) return &rows[i];
  return NULL;
}

static void take(const struct option *row, const char *value, struct options *o) {
  if (row->action != ACTION_SERVE) {
    o->action = row->action;
    if (value) o->word = value;
  } else if (value) {
    o->config_path = value;
  } else if (str_eq(row->name, "--force")) {
    o->force = true;
  } else if (str_eq(row->name, "--without-key")) {
    o->parts.no_key = true;
  } else if (str_eq(row->name, "--without-snapshots")) {
    o->parts.no_snapshots = true;
  } else if (str_eq(row->name, "--without-images")) {
    o->parts.no_images = true;
  } else {
    o->parts.no_volumes = true;
  }
}

err *options_parse(int argc, const char *const *argv, struct options *ret_options) {
  struct options o = {.config_path = CONFIG_PATH_DEFAULT};
  for (int i = 1; i < argc; i++) {
    const struct option *row = find(argv[i]);
    if (!row) return err_new(ERR_INVALID, "unknown argument '%s'; see tramd --help", argv[i]);
    if (row->value && i + 1 == argc) return err_new(ERR_INVALID, "%s needs a %s", row->name, row->value);
    if (row->action != ACTION_SERVE && o.action != ACTION_SERVE)
      return err_new(ERR_INVALID, "%s: one action at a time; see tramd --help", row->name);
    take(row, row->value ? argv[++i] : NULL, &o);
  }
  *ret_options = o;
  return NULL;
}

void options_help(struct str *text) {
  str_addf(text, "Usage: tramd [--config FILE] [ACTION]\n\n%s\n%s\n", introduction, behaviour);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *name = str_format("%s%s%s", rows[i].name, rows[i].value ? " " : "",
                                      rows[i].value ? rows[i].value : "");
    str_addf(text, "  %-16s  %s\n", name, rows[i].help);
  }
}

void options_man(struct str *page) {
  static const char *const see_also[] = {"tram(1)", "tramway.toml(5)", "haproxy(1)", NULL};
  man_begin(page, "tramd", 8, summary);
  man_section(page, "SYNOPSIS");
  man_item(page, "tramd", "[--config FILE] [ACTION]", "");
  man_section(page, "DESCRIPTION");
  auto_free char *description = str_format("%s\n%s", introduction, behaviour);
  man_text(page, description);
  man_section(page, "OPTIONS");
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) man_item(page, rows[i].name, rows[i].value, rows[i].help);
  man_section(page, "FILES");
  for (size_t i = 0; i < ARRAY_LEN(files); i++) man_item(page, files[i].path, NULL, files[i].meaning);
  man_see_also(page, see_also);
}
