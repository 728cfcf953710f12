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
};

#endif
