/* Which files differ between a commit that was fetched and an earlier one: asked of git, since what
 * a webhook lists is cut short by those who send it.  An earlier commit that the server does not hand
 * out any more (a force push) leaves the answer open. */
#include <string.h>

#include "base/mem.h"
#include "source/git_internal.h"

enum { CHANGES_LIMIT = 4 * 1024 * 1024 };
#define SINCE "refs/tramway/since"

static void on_compared(git_job *job, const struct spawn_result *result) {
  job->knows_changes = result->exit_status == 0 && !result->truncated;
  const char *end = result->output + result->output_len;
  for (const char *path = result->output; job->knows_changes && path < end; path += strlen(path) + 1)
    strv_add(&job->changed, path);
  git_job_describe(job);
}

static void compare(git_job *job) {
  git_job_run(job, CHANGES_LIMIT, on_compared,
              (const char *const[]){"diff-tree", "-r", "-z", "--name-only", "--no-renames",
                                    "--no-ext-diff", job->since, job->sha, NULL});
}

static void on_fetched(git_job *job, const struct spawn_result *result) {
  if (result->exit_status == 0)
    compare(job);
  else
    git_job_describe(job);
}

static void on_looked(git_job *job, const struct spawn_result *result) {
  if (result->exit_status == 0) {
    compare(job);
    return;
  }
  if (job->own) {
    git_job_describe(job);
    return;
  }
  auto_free char *refspec = str_format("+%s:" SINCE, job->since);
  git_job_watch_size(job);
  git_job_run(job, 0, on_fetched,
              (const char *const[]){"fetch", "-q", "--depth=1", "--no-tags", "--force",
                                    "--no-write-fetch-head", "--", job->url.plain, refspec, NULL});
}

void git_job_find_changes(git_job *job) {
  auto_free char *commit = str_format("%s^{commit}", job->since);
  git_job_run(job, 0, on_looked, (const char *const[]){"cat-file", "-e", commit, NULL});
}
