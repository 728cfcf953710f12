/* What `backup` and `postgres pitr` share: the same things under Tramway's names and Railway's. */
#ifndef TRAMWAY_CLI_BACKUP_H
#define TRAMWAY_CLI_BACKUP_H

#include "cli/cli.h"
#include "cli/scope.h"

/* The volume that a verb is about: --volume, or that of the service; as tramwayBackupVolumes has it,
 * with "former": those that its service had before. */
fallible backup_find_volume(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_volume);

/* Which of `list`, newest first, `word` means: the whole id or its beginning, the name of one that can be restored (the
 * newest of them), or "latest".  Borrowed from the list. */
fallible backup_choose(const json_t *list, const char *word, json_t **ret_backup);

/* "the backup of 2026-11-21 03:17 UTC (DAILY, 32 MB)"; the caller owns it. */
char *backup_describe(const json_t *b);

/* From when to when those can be restored that its service had before (in "former"); nothing where there are none. */
void backup_print_former(struct cli *cli, const json_t *volume);

/* Waits until what a mutation began is done; ERR_IO with its error.  With --no-wait it does not wait. */
fallible backup_wait(struct cli *cli, const struct args *args, const json_t *workflow, const char *doing, bool *ret_waited);

fallible backup_run_list(struct cli *cli, const struct args *args);
fallible backup_run_create(struct cli *cli, const struct args *args);
fallible backup_run_restore(struct cli *cli, const struct args *args);
fallible backup_run_lock(struct cli *cli, const struct args *args);
fallible backup_run_delete(struct cli *cli, const struct args *args);
fallible backup_run_schedule(struct cli *cli, const struct args *args);
fallible backup_run_schedule_set(struct cli *cli, const struct args *args);

extern const struct flag backup_list_flags[], backup_create_flags[], backup_act_flags[], backup_set_flags[];

#define FLAG_VOLUME  { "volume|v", "VOLUME", "volume, by name or id (default: the service's)" }
#define FLAG_NO_WAIT { "no-wait", NULL, "return when it is begun" }

#endif
