/* admin: what root does on the server's own machine.  It is tramd that does it: its state is not for
 * whoever may use the API. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* tramd is installed beside this program. */
static err *find_tramd(char **ret_path) {
  char self[4096];
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  if (len < 0) return err_errno(errno, "reading /proc/self/exe");
  self[len] = '\0';
  *strrchr(self, '/') = '\0';
  auto_free char *path = str_format("%s/tramd", self);
  if (access(path, X_OK) != 0)
    return err_new(ERR_NOT_FOUND, "there is no '%s': run this on the machine that Tramway is installed on", path);
  *ret_path = str_dup(path);
  return NULL;
}

/* Becomes `tramd [--config FILE] ACTION [FILE] [FLAG…]`; `flags` end with NULL. */
static err *become_tramd(const struct args *args, const char *action, const char *const *flags) {
  auto_strv argv = STRV_EMPTY;
  auto_free char *tramd = NULL;
  TRY(find_tramd(&tramd));
  strv_add(&argv, tramd);
  if (args_text(args, "config")) {
    strv_add(&argv, "--config");
    strv_add(&argv, args_text(args, "config"));
  }
  strv_add(&argv, action);
  if (args_word(args, 0)) strv_add(&argv, args_word(args, 0));
  for (; *flags; flags++)
    if (args_has(args, *flags)) strv_addf(&argv, "--%s", *flags);
  fflush(NULL);
  execv(tramd, argv.items);
  return err_errno(errno, "starting '%s'", tramd);
}

static err *run_backup(struct cli *cli, const struct args *args) {
  (void)cli;
  return become_tramd(args, "--backup", (const char *const[]){"without-key", "without-snapshots", "without-images",
                                                             "without-volumes", NULL});
}

static err *run_restore(struct cli *cli, const struct args *args) {
  (void)cli;
  return become_tramd(args, "--restore", (const char *const[]){"force", NULL});
}

static err *run_rotate_key(struct cli *cli, const struct args *args) {
  (void)cli;
  return become_tramd(args, "--rotate-key", (const char *const[]){NULL});
}

/* clang-format off */
#define FLAG_CONFIG { "config", "FILE", "tramd's configuration (default: /etc/tramway/tramway.toml)" }
static const struct flag backup_flags[] = {
  { "without-snapshots", NULL, "leave out the code that was deployed, of which images can be built again" },
  { "without-images", NULL, "leave out images: `redeploy` builds them again, a rollback cannot" },
  { "without-volumes", NULL, "leave out the data of apps and databases" },
  { "without-key", NULL, "leave out the key, secret.key: then variables can only be read with your copy of it" },
  FLAG_CONFIG, FLAG_END,
};
static const struct flag restore_flags[] = {
  { "force", NULL, "when there is a state already: move it aside, into replaced-<time> of the data folder" },
  FLAG_CONFIG, FLAG_END,
};
/* clang-format on */
static const struct command command_admin_backup = {
    .name = "backup",
    .usage = "FILE",
    .summary = "Write the whole machine to a file, also while it runs",
    .details = "Accounts, projects, variables, deployments, configuration, networks, what was pushed to it with\n"
               "git, the code of deployments, images that run or can be rolled back to, and volumes: one\n"
               "archive (tar, zstd) with a manifest of checksums, read back before it takes FILE's place. What\n"
               "runs on a volume is paused for some milliseconds. The archive holds every secret and the key to\n"
               "them (--without-key leaves that out): only root can read it. Logs are not in it.",
    .examples = "admin backup /backup/tramway.tar.zst\n"
                "admin backup --without-volumes --without-images /backup/state.tar.zst",
    .flags = backup_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_backup,
};
static const struct command command_admin_restore = {
    .name = "restore",
    .usage = "FILE",
    .summary = "Put what is in a backup in place; tramd must not run",
    .details = "Start tramd afterwards, and what ran then runs again. A backup that was made --without-key needs\n"
               "secret.key in the data folder first. Whole or not at all: what an interruption leaves, the next\n"
               "start of tramd finishes. Without its image a service is deployed again: `redeploy`, or `up`\n"
               "where the code is not in the backup either. Backups of earlier versions are taken, too.",
    .examples = "admin restore /backup/tramway.tar.zst",
    .flags = restore_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_restore,
};

static const struct flag rotate_key_flags[] = {FLAG_CONFIG, FLAG_END};
static const struct command command_admin_rotate_key = {
    .name = "rotate-key",
    .usage = "",
    .summary = "Encrypt all secrets with a new key; tramd must not run",
    .details = "Apps run on meanwhile. It may be interrupted at any moment: the next start of tramd finishes it.\n"
               "Afterwards copy secret.key of the data folder again, if you keep a copy. Backups made before\n"
               "need the key that they were made with.",
    .examples = "admin rotate-key",
    .flags = rotate_key_flags,
    .run = run_rotate_key,
};

static const struct command *const admin_commands[] = {&command_admin_backup, &command_admin_restore,
                                                       &command_admin_rotate_key, NULL};
static const struct flag admin_flags[] = {FLAG_END};
const struct command command_admin = {
    .name = "admin",
    .usage = "",
    .summary = "Back up and restore the platform itself, as root on its machine",
    .flags = admin_flags,
    .subcommands = admin_commands,
};
