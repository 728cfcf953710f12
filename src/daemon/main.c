/* tramd: the control plane of Tramway. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "daemon/backup.h"
#include "daemon/daemon.h"
#include "daemon/lock.h"
#include "daemon/options.h"
#include "daemon/secrets.h"

enum { STOP_WAIT_MS = 60000 };

static err *check_config(const struct options *o) {
  auto_config *config = NULL;
  TRY(config_load(o->config_path, &config));
  auto_free char *text = config_describe(config);
  fputs(text, stdout);
  return NULL;
}

static err *stop(const struct options *o) {
  auto_config *config = NULL;
  TRY(config_load(o->config_path, &config));
  return lock_stop_holder(config->data.run_dir, STOP_WAIT_MS);
}

static err *halt(const struct options *o) {
  auto_config *config = NULL;
  TRY(config_load(o->config_path, &config));
  return daemon_halt(config);
}

static err *rotate_key(const struct options *o) {
  auto_config *config = NULL;
  TRY(config_load(o->config_path, &config));
  return secrets_rotate(config);
}

static err *print_config(void) {
  auto_free char *text = config_default_text();
  fputs(text, stdout);
  return NULL;
}

static err *print_man(const char *page) {
  auto_str text = STR_EMPTY;
  if (str_eq(page, "tramd"))
    options_man(&text);
  else if (str_eq(page, "tramway.toml"))
    config_man(&text);
  else
    return err_new(ERR_INVALID, "no manual page '%s': there is tramd and tramway.toml", page);
  fputs(str_text(&text), stdout);
  return NULL;
}

static err *print_help(void) {
  auto_str text = STR_EMPTY;
  options_help(&text);
  fputs(str_text(&text), stdout);
  return NULL;
}

static err *act(const struct options *o) {
  switch (o->action) {
  case ACTION_SERVE: return daemon_run(o->config_path);
  case ACTION_CHECK_CONFIG: return check_config(o);
  case ACTION_PRINT_CONFIG: return print_config();
  case ACTION_WRITE_CONFIG: return config_write_default(o->config_path);
  case ACTION_PRINT_MAN: return print_man(o->word);
  case ACTION_STOP: return stop(o);
  case ACTION_HALT: return halt(o);
  case ACTION_BACKUP: return backup_make(o->config_path, o->word, &o->parts);
  case ACTION_RESTORE: return backup_restore(o->config_path, o->word, o->force);
  case ACTION_ROTATE_KEY: return rotate_key(o);
  case ACTION_VERSION: printf("tramd %s\n", tramway_version); return NULL;
  case ACTION_HELP: return print_help();
  }
  return NULL;
}

int main(int argc, char **argv) {
  struct options o;
  secrets_stay_in_memory();
  err *e = options_parse(argc, (const char *const *)argv, &o);
  if (!e) e = act(&o);
  if (!e) return 0;
  int status = err_code_exit_status(err_code_of(e));
  fprintf(stderr, "tramd: %s\n", err_message(e));
  err_free(e);
  return status;
}
