/* One tramd for each run folder: the lock, between two processes. */
#include "daemon/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

static char folder[64];

static void make_folder(void) {
  snprintf(folder, sizeof folder, "/tmp/tramway-lock-XXXXXX");
  CHECK(mkdtemp(folder));
}

static void remove_folder(void) {
  err_ignore(file_remove_tree(folder));
}

/* A process that has the lock; with `deaf` it does not end when it is asked to. */
static pid_t start_holder(bool deaf) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    if (deaf) signal(SIGTERM, SIG_IGN);
    err *e = lock_take(folder);
    char answer = e ? 'n' : 'y';
    if (write(ready[1], &answer, 1) != 1) _exit(2);
    for (;;) pause();
  }
  char answer = '?';
  close(ready[1]);
  CHECK(read(ready[0], &answer, 1) == 1);
  close(ready[0]);
  CHECK_INT(answer, 'y');
  return child;
}

/* What lock_take says in a process of its own: that lock would stay until this one ends. */
static enum err_code take_elsewhere(char *message, size_t size) {
  int words[2];
  CHECK(pipe(words) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    err *e = lock_take(folder);
    const char *text = e ? err_message(e) : "";
    int code = e ? (int)err_code_of(e) : 0;
    _exit(write(words[1], text, strlen(text)) < 0 ? 99 : code);
  }
  close(words[1]);
  ssize_t got = read(words[0], message, size - 1);
  close(words[0]);
  message[got > 0 ? got : 0] = '\0';
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  return (enum err_code)WEXITSTATUS(status);
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  CHECK(waitpid(child, NULL, 0) == child);
}

TEST(the_second_is_refused_and_told_who_has_it) {
  char message[400];
  make_folder();
  pid_t holder = start_holder(false);
  auto_free char *who = str_format("process %d", (int)holder);
  CHECK_INT(take_elsewhere(message, sizeof message), ERR_CONFLICT);
  CHECK_HAS(message, who);
  CHECK_HAS(message, "tramd --stop");
  auto_free char *path = path_join(folder, "tramd.pid"), *number = str_format("%d\n", (int)holder);
  auto_str text = STR_EMPTY; /* being refused changes nothing */
  CHECK_OK(file_read(path, 100, &text));
  CHECK_TEXT(str_text(&text), number);
  end(holder);
  remove_folder();
}

TEST(the_lock_ends_with_its_process_whatever_the_file_says) {
  char message[400];
  make_folder();
  end(start_holder(false));
  auto_free char *path = path_join(folder, "tramd.pid");
  CHECK(file_exists(path));
  CHECK_INT(take_elsewhere(message, sizeof message), 0);
  CHECK_TEXT(message, "");
  remove_folder();
}

TEST(other_folders_have_their_own) {
  char message[400];
  make_folder();
  pid_t holder = start_holder(false);
  auto_free char *first = str_dup(folder);
  make_folder();
  CHECK_INT(take_elsewhere(message, sizeof message), 0);
  remove_folder();
  snprintf(folder, sizeof folder, "%s", first);
  end(holder);
  remove_folder();
}

TEST(stopping_ends_the_holder) {
  make_folder();
  pid_t holder = start_holder(false);
  CHECK_OK(lock_stop_holder(folder, 5000));
  int status;
  CHECK(waitpid(holder, &status, 0) == holder);
  CHECK(WIFSIGNALED(status));
  CHECK_INT(WTERMSIG(status), SIGTERM);
  remove_folder();
}

TEST(stopping_nobody_is_success) {
  make_folder();
  CHECK_OK(lock_stop_holder(folder, 1000));
  end(start_holder(false)); /* a stale file names a process that is gone */
  CHECK_OK(lock_stop_holder(folder, 1000));
  CHECK_OK(lock_stop_holder(folder, 1000)); /* and no lock is left behind by asking */
  remove_folder();
}

TEST(who_holds_it_is_asked_whatever_number_is_in_the_file) {
  make_folder();
  pid_t bystander = fork();
  if (bystander == 0)
    for (;;) pause();
  pid_t holder = start_holder(false);
  auto_free char *path = path_join(folder, "tramd.pid"), *number = str_format("%d\n", (int)bystander);
  int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  CHECK(fd >= 0 && write(fd, number, strlen(number)) > 0);
  close(fd);
  CHECK_OK(lock_stop_holder(folder, 5000));
  CHECK(waitpid(holder, NULL, 0) == holder);
  CHECK(waitpid(bystander, NULL, WNOHANG) == 0);
  end(bystander);
  remove_folder();
}

TEST(a_holder_that_does_not_end_is_waited_for_so_long_and_no_longer) {
  make_folder();
  pid_t holder = start_holder(true);
  long long start_ms = tap_now_ms();
  CHECK_ERR(lock_stop_holder(folder, 200), ERR_BUSY, "has not ended");
  CHECK(tap_now_ms() - start_ms >= 200);
  CHECK(tap_now_ms() - start_ms < 8000);
  CHECK(waitpid(holder, NULL, WNOHANG) == 0);
  end(holder);
  remove_folder();
}

TEST(a_symlink_in_place_of_the_file_is_not_followed) {
  char message[400];
  make_folder();
  auto_free char *path = path_join(folder, "tramd.pid"), *victim = path_join(folder, "victim");
  CHECK_OK(file_write_fast(victim, "precious", 8, 0600));
  CHECK(symlink(victim, path) == 0);
  CHECK(take_elsewhere(message, sizeof message) != 0);
  CHECK_HAS(message, "tramd.pid");
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(victim, 100, &text));
  CHECK_TEXT(str_text(&text), "precious");
  remove_folder();
}

TEST(a_folder_that_cannot_be_made_says_so) {
  make_folder();
  auto_free char *file = path_join(folder, "file");
  CHECK_OK(file_write_fast(file, "", 0, 0600));
  snprintf(folder + strlen(folder), 6, "/file");
  char message[400];
  CHECK(take_elsewhere(message, sizeof message) != 0);
  CHECK_HAS(message, "/file");
  folder[strlen(folder) - 5] = '\0';
  remove_folder();
}

TEST_MAIN
