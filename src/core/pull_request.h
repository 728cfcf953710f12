/* Pull requests: each has an environment of its own, duplicated from the project's base environment,
 * with its branch and commit deployed, and gone when it is closed (reference 2.2, PR environments).
 *
 * Whoever hears of pull requests (a webhook) calls these, again and again if need be: an event that
 * comes twice changes nothing.  What is in it is a stranger's: it is checked here.
 *
 * A pull request from a fork runs nobody's code before a member has approved it, commit by commit
 * (NEEDS_APPROVAL, core_deployment_approve), and its environment gets no variable of the base. */
#ifndef TRAMWAY_CORE_PULL_REQUEST_H
#define TRAMWAY_CORE_PULL_REQUEST_H

#include "base/str.h"
#include "core/core.h"

/* All texts are borrowed for the call. */
struct pull_request {
  const struct strv *repositories; /* names and URLs of the one that it is made in: source/repo_name.h */
  int64_t number;          /* from 1 */
  const char *title;       /* NULL: none */
  const char *branch;      /* of the head */
  const char *base_branch; /* that it goes into; NULL: not known */
  const char *commit;      /* of the head: 40 hex digits */
  bool is_fork; /* the head is in another repository, or where it is is not known */
  bool is_bot;  /* a program's account opened it */
  const struct strv *changed_files; /* from the repository's root; NULL: not known, all may have changed */
};

struct pull_request_answer {
  char environment_id[ID_SIZE]; /* "": there is none */
  char *said;                   /* in words: what was done, or why nothing; the caller frees it */
};

/* Opened, opened again, retitled, or with new commits: makes its environment, or brings it up to the
 * commit.  ERR_INVALID names the member that makes no sense. */
fallible core_pr_opened(core *c, const char *project_id, const struct pull_request *pr,
                        struct pull_request_answer *ret_answer);

/* Merged or not: its environment goes.  Of `pr` only repositories and number are looked at. */
fallible core_pr_closed(core *c, const char *project_id, const struct pull_request *pr,
                        struct pull_request_answer *ret_answer);

#endif
