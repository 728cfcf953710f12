/* Volumes are made at the same time, on threads of the pool: together they leave what is kept for the platform. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/usage.h"
#include "engine/local/volume_store.h"
#include "tap.h"

#define MB INT64_C(1000000)
enum { MAKERS = 4 };

static struct volume_store store;
static pthread_barrier_t together;
static err *errors[MAKERS];

static void *make(void *arg) {
  int n = *(int *)arg;
  char id[16];
  bool is_new;
  snprintf(id, sizeof id, "v-%d", n);
  pthread_barrier_wait(&together);
  errors[n] = volume_store_prepare(&store, id, 400 * MB, &is_new);
  return NULL;
}

TEST(what_there_is_room_for_once_is_taken_once) {
  char folder[64] = "/var/tmp/tramway-room-XXXXXX";
  struct usage_space space;
  pthread_t threads[MAKERS];
  int numbers[MAKERS], made = 0;
  CHECK(mkdtemp(folder));
  CHECK_OK(usage_space_of(folder, &space));
  if (space.free_bytes < 1000 * MB) {
    printf("# there is too little room here to see it\n");
    CHECK_OK(file_remove_tree(folder));
    return;
  }
  volume_store_init(&store, folder, folder, space.free_bytes - 700 * MB);
  CHECK_OK(volume_store_make_folders(&store));
  pthread_barrier_init(&together, NULL, MAKERS);
  for (int i = 0; i < MAKERS; i++) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, make, &numbers[i]) == 0);
  }
  for (int i = 0; i < MAKERS; i++) {
    pthread_join(threads[i], NULL);
    if (!errors[i])
      made++;
    else
      CHECK_INT(err_code_of(errors[i]), ERR_LIMIT);
    err_free(errors[i]);
  }
  CHECK_INT(made, 1);
  pthread_barrier_destroy(&together);
  volume_store_done(&store);
  CHECK_OK(file_remove_tree(folder));
}

TEST_MAIN
