/* tramway-exec: prepares the process it runs in, then becomes PROGRAM.
 *
 *     tramway-exec [--cgroup DIR]… [--netns PATH] [--private-mounts] [--hide-cgroup2]
 *                  [--bind FOLDER AT] [--bind-read-only FOLDER AT]
 *                  [--append FILE] [--die-with-parent] [--] PROGRAM ARG…
 *
 * It does what must happen between fork and exec, which libuv does not offer, and what must happen in
 * a process of one thread (a mount namespace of its own):
 *
 *   --cgroup DIR        joins that cgroup (v1 hierarchies: one option each).  The folder must exist.
 *   --netns PATH        joins that network namespace.
 *   --private-mounts    a mount namespace of its own: what PROGRAM mounts and forgets ends with it.
 *                       Mounts that the host makes later still arrive.
 *   --hide-cgroup2      unmounts the v2 tree of a hybrid host in a mount namespace of its own: crun
 *                       refuses to start where a controller is attached to that tree.  Elsewhere:
 *                       nothing.
 *   --bind FOLDER AT    mounts FOLDER at AT (without devices, set-id and programs) and goes there; after
 *                       --private-mounts nobody else sees it.  --bind-read-only: nothing can be written.
 *                       No path below AT leads through a link: who wrote what is there may not choose
 *                       what PROGRAM, which is the host's and runs as root, opens.
 *   --append FILE       opens FILE for appending as descriptor 3; "" is none.
 *   --die-with-parent   SIGKILL when the process that started it ends.
 *
 * Options take effect in the order given.  Linked with nothing but libc, so that starting it costs a millisecond.  Exit status 125 when it
 * could not prepare, 127 when PROGRAM was not found, 126 when it could not be started. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_UNPREPARED = 125, EXIT_NOT_STARTED = 126, EXIT_NOT_FOUND = 127, APPEND_FD = 3 };

#define CGROUP2_OF_HYBRID_HOST "/sys/fs/cgroup/unified"

static int fail(const char *what, const char *name) {
  fprintf(stderr, "tramway-exec: %s '%s': %s\n", what, name, strerror(errno));
  return EXIT_UNPREPARED;
}

static int usage(void) {
  fputs("usage: tramway-exec [--cgroup DIR]… [--netns PATH] [--private-mounts] [--hide-cgroup2] "
        "[--bind FOLDER AT] [--bind-read-only FOLDER AT] [--append FILE] [--die-with-parent] [--] PROGRAM ARG…\n",
        stderr);
  return EXIT_UNPREPARED;
}

static int join_cgroup(const char *folder) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/cgroup.procs", folder);
  if (len < 0 || (size_t)len >= sizeof path) errno = ENAMETOOLONG;
  int fd = (size_t)len < sizeof path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
  if (fd < 0) return fail("joining the cgroup", folder);
  ssize_t written = write(fd, "0", 1); /* "0" is the writer itself */
  int failed = written == 1 ? 0 : fail("joining the cgroup", folder);
  close(fd);
  return failed;
}

static int join_netns(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd >= 0 && setns(fd, CLONE_NEWNET) == 0 ? 0 : fail("joining the network namespace", path);
  if (fd >= 0) close(fd);
  return failed;
}

static int leave_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0) return fail("leaving the mount namespace of", "tramway-exec");
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return fail("making slave mounts of", "/");
  return 0;
}

static int hide_cgroup2(void) {
  if (access(CGROUP2_OF_HYBRID_HOST "/cgroup.procs", F_OK) != 0) return 0;
  int failed = leave_mounts();
  if (failed) return failed;
  if (umount2(CGROUP2_OF_HYBRID_HOST, MNT_DETACH) != 0)
    return fail("unmounting", CGROUP2_OF_HYBRID_HOST);
  return 0;
}

static int bind_folder(const char *folder, const char *at, bool read_only) {
  unsigned long flags = MS_BIND | MS_REMOUNT | MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOSYMFOLLOW | (read_only ? MS_RDONLY : 0);
  if (mount(folder, at, NULL, MS_BIND, NULL) != 0 || mount(NULL, at, NULL, flags, NULL) != 0)
    return fail("mounting", folder);
  return chdir(at) == 0 ? 0 : fail("going to", at);
}

static int open_append(const char *path) {
  if (!*path) return 0;
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0640);
  if (fd < 0 || (fd != APPEND_FD && dup2(fd, APPEND_FD) < 0)) return fail("opening", path);
  if (fd != APPEND_FD) close(fd);
  return 0;
}

/* `parent` is who it was at the start: gone meanwhile means that no signal will ever come. */
static int die_with(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail("binding to the parent of", "tramway-exec");
  if (getppid() != parent) raise(SIGKILL);
  return 0;
}

int main(int argc, char **argv) {
  pid_t parent = getppid();
  bool with_parent = false;
  int failed = 0, i = 1;
  for (; i < argc && !failed && strncmp(argv[i], "--", 2) == 0; i++) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    if (strcmp(argv[i], "--cgroup") == 0 && i + 1 < argc)
      failed = join_cgroup(argv[++i]);
    else if (strcmp(argv[i], "--netns") == 0 && i + 1 < argc)
      failed = join_netns(argv[++i]);
    else if (strcmp(argv[i], "--private-mounts") == 0)
      failed = leave_mounts();
    else if (strcmp(argv[i], "--hide-cgroup2") == 0)
      failed = hide_cgroup2();
    else if (strcmp(argv[i], "--bind") == 0 && i + 2 < argc) {
      failed = bind_folder(argv[i + 1], argv[i + 2], false);
      i += 2;
    } else if (strcmp(argv[i], "--bind-read-only") == 0 && i + 2 < argc) {
      failed = bind_folder(argv[i + 1], argv[i + 2], true);
      i += 2;
    } else if (strcmp(argv[i], "--append") == 0 && i + 1 < argc)
      failed = open_append(argv[++i]);
    else if (strcmp(argv[i], "--die-with-parent") == 0)
      with_parent = true;
    else
      return usage();
  }
  if (!failed && i >= argc) return usage();
  if (!failed && with_parent) failed = die_with(parent);
  if (failed) return failed;
  execvp(argv[i], argv + i);
  failed = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
  fprintf(stderr, "tramway-exec: starting '%s': %s\n", argv[i], strerror(errno));
  return failed;
}
