/* The store's inside, for the files of this folder that share it. */
#ifndef TRAMWAY_OBSERVE_LOG_STORE_IMPL_H
#define TRAMWAY_OBSERVE_LOG_STORE_IMPL_H

#include "base/list.h"
#include "observe/log_store.h"

struct log_store {
  loop *loop;
  char *dir;
  struct list handles; /* files open for appending, the last used at the end */
  int handles_len;
  log_redaction_fn *redaction; /* NULL: nothing is secret */
  void *redaction_arg;
};

/* What is secret in this deployment's logs: NULL when nothing is. */
fallible log_store_redactor(log_store *s, const char *deployment_id, redactor **ret_redactor);

#endif
