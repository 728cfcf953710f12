/* Makes the nth system call of a running program fail.
 *
 *     inject --pid PID [--skip-port PORT] --count
 *     inject --pid PID [--skip-port PORT] --fail N [--second]
 *
 * Attaches to every thread of PID, prints "ready", and counts from then on the calls that can fail in
 * reality (the table below).  A child counts until it has become another program: that a program
 * cannot be started is a failed clone or execve.  --count prints each call until SIGTERM; --fail lets
 * the Nth one fail, undone, with an error that fits the call (--second: with the other one), prints
 * which it was, and leaves.  However it ends, the kernel lets PID run on: what is seized goes free
 * with its tracer.
 *
 * strace -e inject counts each system call by its name and each thread for itself; here the nth of
 * all is wanted.  x86-64 only. */
#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

/* How a call tells what it works on. */
enum target { NOTHING, PATH0, PATH1, PATH3, FD, CONNECT };

struct call {
  const char *name;
  long number;
  enum target target;
  int errors[2];
};

/* Not here, since they do not fail in a program that runs, or are not its to mend: close, mmap, brk
 * (memory that ends ends tramd, in one place), futex, epoll, clocks, signals, fcntl, ioctl, dup,
 * lseek, prctl, wait, get- and setsockopt, access.  Neither are reads and writes on event
 * descriptors and pipes: libuv wakes itself by them, in memory. */
#define CALL(name, target, first, second) {#name, SYS_##name, target, {first, second}}
/* clang-format off */
static const struct call calls[] = {
  CALL(open,            PATH0,   EMFILE,       EIO),
  CALL(openat,          PATH1,   EMFILE,       EIO),
  CALL(openat2,         PATH1,   EMFILE,       EIO),
  CALL(creat,           PATH0,   ENOSPC,       EIO),
  CALL(read,            FD,      EIO,          ENOMEM),
  CALL(pread64,         FD,      EIO,          ENOMEM),
  CALL(readv,           FD,      EIO,          ENOMEM),
  CALL(write,           FD,      ENOSPC,       EIO),
  CALL(pwrite64,        FD,      ENOSPC,       EIO),
  CALL(writev,          FD,      ENOSPC,       EIO),
  CALL(pwritev,         FD,      ENOSPC,       EIO),
  CALL(sendfile,        FD,      ENOSPC,       EIO),
  CALL(copy_file_range, FD,      ENOSPC,       EIO),
  CALL(fsync,           FD,      EIO,          ENOSPC),
  CALL(fdatasync,       FD,      EIO,          ENOSPC),
  CALL(syncfs,          FD,      EIO,          ENOSPC),
  CALL(ftruncate,       FD,      EIO,          ENOSPC),
  CALL(fallocate,       FD,      ENOSPC,       EIO),
  CALL(stat,            PATH0,   EIO,          ENOMEM),
  CALL(lstat,           PATH0,   EIO,          ENOMEM),
  CALL(fstat,           FD,      EIO,          ENOMEM),
  CALL(newfstatat,      PATH1,   EIO,          ENOMEM),
  CALL(statx,           PATH1,   EIO,          ENOMEM),
  CALL(statfs,          PATH0,   EIO,          ENOMEM),
  CALL(fstatfs,         FD,      EIO,          ENOMEM),
  CALL(readlink,        PATH0,   EIO,          ENOMEM),
  CALL(readlinkat,      PATH1,   EIO,          ENOMEM),
  CALL(getdents64,      FD,      EIO,          ENOMEM),
  CALL(rename,          PATH0,   EIO,          ENOSPC),
  CALL(renameat,        PATH1,   EIO,          ENOSPC),
  CALL(renameat2,       PATH1,   EIO,          ENOSPC),
  CALL(mkdir,           PATH0,   ENOSPC,       EIO),
  CALL(mkdirat,         PATH1,   ENOSPC,       EIO),
  CALL(rmdir,           PATH0,   EIO,          EROFS),
  CALL(unlink,          PATH0,   EIO,          EROFS),
  CALL(unlinkat,        PATH1,   EIO,          EROFS),
  CALL(link,            PATH0,   ENOSPC,       EIO),
  CALL(linkat,          PATH1,   ENOSPC,       EIO),
  CALL(symlink,         PATH0,   ENOSPC,       EIO),
  CALL(symlinkat,       PATH0,   ENOSPC,       EIO),
  CALL(mknodat,         PATH1,   ENOSPC,       EIO),
  CALL(chmod,           PATH0,   EIO,          EROFS),
  CALL(fchmod,          FD,      EIO,          EROFS),
  CALL(fchmodat,        PATH1,   EIO,          EROFS),
  CALL(chown,           PATH0,   EIO,          EROFS),
  CALL(lchown,          PATH0,   EIO,          EROFS),
  CALL(fchown,          FD,      EIO,          EROFS),
  CALL(fchownat,        PATH1,   EIO,          EROFS),
  CALL(utimensat,       PATH1,   EIO,          EROFS),
  CALL(chdir,           PATH0,   EIO,          ENOMEM),
  CALL(flock,           FD,      ENOLCK,       EINTR),
  CALL(mount,           PATH1,   ENOMEM,       EINVAL),
  CALL(umount2,         PATH0,   EBUSY,        ENOMEM),
  CALL(open_tree,       PATH1,   EMFILE,       ENOMEM),
  CALL(move_mount,      PATH3,   ENOMEM,       EBUSY),
  CALL(fsopen,          PATH0,   EMFILE,       ENOMEM),
  CALL(fsconfig,        FD,      ENOMEM,       EINVAL),
  CALL(fsmount,         FD,      EMFILE,       ENOMEM),
  CALL(mount_setattr,   PATH1,   ENOMEM,       EINVAL),
  CALL(setns,           FD,      ENOMEM,       EPERM),
  CALL(unshare,         NOTHING, ENOMEM,       EPERM),
  CALL(socket,          NOTHING, EMFILE,       ENOMEM),
  CALL(socketpair,      NOTHING, EMFILE,       ENOMEM),
  CALL(connect,         CONNECT, ECONNREFUSED, ETIMEDOUT),
  CALL(bind,            CONNECT, EADDRINUSE,   ENOMEM),
  CALL(listen,          FD,      EADDRINUSE,   ENOMEM),
  CALL(accept4,         FD,      EMFILE,       ECONNABORTED),
  CALL(sendto,          FD,      EPIPE,        ENOBUFS),
  CALL(sendmsg,         FD,      EPIPE,        ENOBUFS),
  CALL(sendmmsg,        FD,      EPIPE,        ENOBUFS),
  CALL(recvfrom,        FD,      ECONNRESET,   ENOMEM),
  CALL(recvmsg,         FD,      ECONNRESET,   ENOMEM),
  CALL(clone,           NOTHING, EAGAIN,       ENOMEM),
  CALL(clone3,          NOTHING, EAGAIN,       ENOMEM),
  CALL(fork,            NOTHING, EAGAIN,       ENOMEM),
  CALL(vfork,           NOTHING, EAGAIN,       ENOMEM),
  CALL(execve,          PATH0,   ENOMEM,       EIO),
  CALL(pipe2,           NOTHING, EMFILE,       ENFILE),
  CALL(eventfd2,        NOTHING, EMFILE,       ENOMEM),
  CALL(memfd_create,    PATH0,   EMFILE,       ENOMEM),
  CALL(pidfd_open,      NOTHING, EMFILE,       ENOMEM),
  CALL(inotify_init1,   NOTHING, EMFILE,       ENOMEM),
  CALL(inotify_add_watch, PATH1, ENOSPC,       ENOMEM),
};
/* clang-format on */

enum { MAX_TASKS = 1024, TEXT = 256 };

/* A thread of the program, or a child of it that has not become another program. */
struct task {
  pid_t id, process; /* its descriptors are those of `process` */
  const struct call *failing;
};

static struct task tasks[MAX_TASKS];
static size_t task_count;
static pid_t program;
static int skip_port;
static long fail_at, seen;
static int which_error;
static bool done;
static volatile sig_atomic_t in_a_failing_call;

static void die(const char *what) {
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* A call that was skipped but not yet answered is answered first; then it leaves anyway. */
static void on_term(int number) {
  (void)number;
  if (!in_a_failing_call) _exit(0);
}

static struct task *task_of(pid_t id) {
  for (size_t i = 0; i < task_count; i++)
    if (tasks[i].id == id) return &tasks[i];
  return NULL;
}

static struct task *task_add(pid_t id, pid_t process) {
  struct task *known = task_of(id);
  if (known) return known;
  if (task_count == MAX_TASKS) {
    errno = ENOMEM;
    die("too many threads");
  }
  tasks[task_count] = (struct task){.id = id, .process = process};
  return &tasks[task_count++];
}

static void task_remove(struct task *t) {
  *t = tasks[--task_count];
}

/* ---- what a call works on ---- */

static void read_text(const struct task *t, unsigned long address, char out[TEXT]) {
  struct iovec to = {out, TEXT - 1}, from = {(void *)address, TEXT - 1};
  ssize_t got = address ? process_vm_readv(t->id, &to, 1, &from, 1, 0) : 0;
  if (got < 0) { /* the text lies at the end of what is mapped */
    from.iov_len = to.iov_len = 4096 - address % 4096 < TEXT - 1 ? 4096 - address % 4096 : TEXT - 1;
    got = process_vm_readv(t->id, &to, 1, &from, 1, 0);
  }
  out[got > 0 ? got : 0] = '\0';
}

static void fd_text(const struct task *t, int fd, char out[TEXT]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)t->id, fd);
  ssize_t len = readlink(link, out, TEXT - 1);
  out[len > 0 ? len : 0] = '\0';
}

static void address_text(const struct sockaddr_storage *address, socklen_t len, char out[TEXT]) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)address;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    snprintf(out, TEXT, "%s:%d", host, ntohs(in->sin_port));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const void *)address;
    inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    snprintf(out, TEXT, "[%s]:%d", host, ntohs(in->sin6_port));
  } else if (address->ss_family == AF_UNIX) {
    const struct sockaddr_un *un = (const void *)address;
    snprintf(out, TEXT, "unix:%.*s", (int)(len - sizeof un->sun_family), un->sun_path);
  } else if (address->ss_family == AF_NETLINK) {
    snprintf(out, TEXT, "netlink");
  }
}

/* Its peer's address, and its own port. */
static int socket_text(const struct task *t, int fd, char out[TEXT]) {
  int pidfd = (int)syscall(SYS_pidfd_open, t->process, 0);
  int copy = pidfd >= 0 ? (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0) : -1;
  int port = 0;
  if (copy >= 0) {
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(copy, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_INET)
      port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    if (address.ss_family == AF_NETLINK) snprintf(out, TEXT, "netlink");
    len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getpeername(copy, (struct sockaddr *)&address, &len) == 0) address_text(&address, len, out);
    close(copy);
  }
  if (pidfd >= 0) close(pidfd);
  return port;
}

/* Whether the call counts; what it works on is written to `out`. */
static bool look_at(const struct task *t, const struct call *call, const __u64 args[6], char out[TEXT]) {
  out[0] = '\0';
  switch (call->target) {
  case PATH0: read_text(t, args[0], out); break;
  case PATH1:
    read_text(t, args[1], out);
    if (!*out) fd_text(t, (int)args[0], out);
    break;
  case PATH3: read_text(t, args[3], out); break;
  case FD:
    fd_text(t, (int)args[0], out);
    if (strncmp(out, "socket:", 7) == 0) return socket_text(t, (int)args[0], out) != skip_port || !skip_port;
    return strncmp(out, "pipe:", 5) != 0 && strncmp(out, "anon_inode:", 11) != 0 && *out;
  case CONNECT: {
    struct sockaddr_storage address = {0};
    size_t len = args[2] < sizeof address ? args[2] : sizeof address;
    struct iovec to = {&address, len}, from = {(void *)args[1], len};
    if (process_vm_readv(t->id, &to, 1, &from, 1, 0) > 0) address_text(&address, (socklen_t)len, out);
    break;
  }
  case NOTHING: break;
  }
  return true;
}

/* ---- at a call ---- */

static const struct call *find_call(unsigned long number) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (calls[i].number == (long)number) return &calls[i];
  return NULL;
}

static void printable(char *text) {
  for (; *text; text++)
    if (*text < ' ') *text = '?';
}

static void tell(const struct call *call, const char *target, bool failed) {
  printf("%ld %s %s %s\n", seen, call->name, failed ? strerrorname_np(call->errors[which_error]) : "-", target);
  fflush(stdout);
}

static void skip_call(pid_t id) {
  struct user_regs_struct regs;
  if (ptrace(PTRACE_GETREGS, id, NULL, &regs) < 0) return;
  regs.orig_rax = (unsigned long long)-1;
  ptrace(PTRACE_SETREGS, id, NULL, &regs);
}

static void answer_call(pid_t id, int error) {
  struct user_regs_struct regs;
  if (ptrace(PTRACE_GETREGS, id, NULL, &regs) < 0) return;
  regs.rax = (unsigned long long)-error;
  ptrace(PTRACE_SETREGS, id, NULL, &regs);
}

static void at_call(struct task *t) {
  struct ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, t->id, sizeof info, &info) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->failing) {
    answer_call(t->id, t->failing->errors[which_error]);
    t->failing = NULL;
    done = true;
  }
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY || done) return;
  const struct call *call = find_call(info.entry.nr);
  char target[TEXT];
  if (!call || !look_at(t, call, info.entry.args, target)) return;
  printable(target);
  seen++;
  if (!fail_at) tell(call, target, false);
  if (seen != fail_at) return;
  in_a_failing_call = 1;
  t->failing = call;
  skip_call(t->id);
  tell(call, target, true);
}

/* ---- following ---- */

static bool is_thread_of(pid_t id, pid_t process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process, (int)id);
  return access(path, F_OK) == 0;
}

static void at_new_task(const struct task *parent) {
  unsigned long id = 0;
  pid_t process = parent->process;
  if (ptrace(PTRACE_GETEVENTMSG, parent->id, NULL, &id) < 0) return;
  task_add((pid_t)id, is_thread_of((pid_t)id, process) ? process : (pid_t)id);
}

static void at_stop(pid_t id, int status) {
  int signal = WSTOPSIG(status), event = status >> 16;
  struct task *t = task_of(id);
  if (!t) t = task_add(id, id); /* a child that stops before its parent tells of it */
  if (signal == (SIGTRAP | 0x80)) {
    at_call(t);
    signal = 0;
  } else if (event == PTRACE_EVENT_STOP) {
    if (signal != SIGTRAP) { /* the whole program is stopped: stays so until SIGCONT */
      ptrace(PTRACE_LISTEN, id, NULL, NULL);
      return;
    }
    signal = 0;
  } else if (event == PTRACE_EVENT_EXEC) {
    ptrace(PTRACE_DETACH, id, NULL, NULL);
    task_remove(t);
    return;
  } else if (event) {
    at_new_task(t);
    signal = 0;
  }
  ptrace(PTRACE_SYSCALL, id, NULL, (long)signal);
}

static int seize_all(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)program);
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                 PTRACE_O_TRACEEXEC;
  DIR *dir = opendir(path);
  if (!dir) die(path);
  int fresh = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    pid_t id = atoi(entry->d_name);
    if (id <= 0 || task_of(id)) continue;
    if (ptrace(PTRACE_SEIZE, id, NULL, options) < 0) {
      if (errno == EPERM && task_of(id)) continue;
      if (errno == ESRCH) continue;
      die("seizing it");
    }
    task_add(id, program);
    ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
    fresh++;
  }
  closedir(dir);
  return fresh;
}

/* "ready" when each thread has stopped once, and thus goes from call to call. */
static void follow(void) {
  size_t waiting = task_count;
  while (!done) {
    int status;
    pid_t id = waitpid(-1, &status, __WALL);
    if (id < 0 && errno == EINTR) continue;
    if (id < 0) die("waiting");
    struct task *t = task_of(id);
    if (!WIFSTOPPED(status)) {
      if (t) task_remove(t);
      if (id == program) {
        printf("ended %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
        exit(3);
      }
    } else {
      at_stop(id, status);
    }
    bool first = !WIFSTOPPED(status) || status >> 16 == PTRACE_EVENT_STOP;
    if (waiting && first && --waiting == 0) {
      puts("ready");
      fflush(stdout);
    }
  }
}

int main(int argc, char **argv) {
  bool count = false;
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;
    if (strcmp(argv[i], "--count") == 0) count = true;
    else if (strcmp(argv[i], "--second") == 0) which_error = 1;
    else if (strcmp(argv[i], "--pid") == 0 && has_value) program = atoi(argv[++i]);
    else if (strcmp(argv[i], "--fail") == 0 && has_value) fail_at = atol(argv[++i]);
    else if (strcmp(argv[i], "--skip-port") == 0 && has_value) skip_port = atoi(argv[++i]);
    else program = 0, i = argc;
  }
  if (program <= 0 || count == (fail_at > 0)) {
    fputs("usage: inject --pid PID [--skip-port PORT] --count | --fail N [--second]\n", stderr);
    return 2;
  }
  struct sigaction action = {.sa_handler = on_term};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  while (seize_all() > 0) continue;
  follow();
  return 0;
}
