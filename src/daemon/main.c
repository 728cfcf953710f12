/* tramd: the control plane of Tramway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/lock.h"

#define CONFIG_PATH_DEFAULT "/etc/tramway/tramway.toml"
enum { STOP_WAIT_MS = 60000 };

static const char usage[] =
    "Usage: tramd [--config FILE] [ACTION]\n"
    "\n"
    "tramd is Tramway's control plane.  Apps, their logs and their traffic do not need it to be\n"
    "running: it may be stopped, upgraded and started at any time.\n"
    "\n"
    "  --config FILE    configuration (default: " CONFIG_PATH_DEFAULT ")\n"
    "\n"
    "Without an action it serves until SIGTERM; SIGHUP reads the configuration again.  Actions:\n"
    "  --check-config   print every key with its value, or what is wrong and where\n"
    "  --print-config   print a commented configuration with all defaults\n"
    "  --stop           end the tramd that runs with this configuration; apps run on\n"
    "  --halt           end it and everything that it started; the data stays\n"
    "  --version        print the version\n"
    "  --help           print this\n";

enum action { SERVE, CHECK_CONFIG, PRINT_CONFIG, STOP, HALT };

static int report(err *e) {
  if (!e) return 0;
  int status = err_code_exit_status(err_code_of(e));
  fprintf(stderr, "tramd: %s\n", err_message(e));
  err_free(e);
  return status;
}

static err *with_config(const char *path, enum action action) {
  auto_config *config = NULL;
  TRY(config_load(path, &config));
  if (action == STOP) return lock_stop_holder(config->data.run_dir, STOP_WAIT_MS);
  if (action == HALT) return daemon_halt(config);
  auto_free char *text = config_describe(config);
  fputs(text, stdout);
  return NULL;
}

static int print_default(void) {
  auto_free char *text = config_default_text();
  fputs(text, stdout);
  return 0;
}

int main(int argc, char **argv) {
  const char *config_path = CONFIG_PATH_DEFAULT;
  enum action action = SERVE;
  for (int i = 1; i < argc; i++) {
    if (str_eq(argv[i], "--config") && i + 1 < argc) config_path = argv[++i];
    else if (str_eq(argv[i], "--check-config")) action = CHECK_CONFIG;
    else if (str_eq(argv[i], "--print-config")) action = PRINT_CONFIG;
    else if (str_eq(argv[i], "--stop")) action = STOP;
    else if (str_eq(argv[i], "--halt")) action = HALT;
    else if (str_eq(argv[i], "--version")) return puts("tramd " TRAMWAY_VERSION) < 0;
    else if (str_eq(argv[i], "--help")) return fputs(usage, stdout) < 0;
    else {
      fprintf(stderr, "tramd: unknown argument '%s'; see tramd --help\n", argv[i]);
      return err_code_exit_status(ERR_INVALID);
    }
  }
  if (action == PRINT_CONFIG) return print_default();
  return report(action == SERVE ? daemon_run(config_path) : with_config(config_path, action));
}
