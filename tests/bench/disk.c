/* Writes into a folder and says how quick that was: what `make bench` runs on a volume, inside an instance, and
 * on the host.
 *   disk FOLDER sync SECONDS    4 KiB at a time into a file that is there, each waited for: writes per second
 *   disk FOLDER stream MB       a new file from front to end, waited for at the end: MB per second
 *   disk FOLDER fill MB         likewise, of bytes that cannot be made smaller, and is kept */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, CHUNK = 1 << 20, BLOCKS = 4096 };

static char chunk[CHUNK];

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void make_bytes(void) {
  static unsigned long long state = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < CHUNK; i += sizeof state) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    memcpy(chunk + i, &state, sizeof state);
  }
}

static void write_all(int fd, long mb) {
  for (long i = 0; i < mb; i++) {
    make_bytes();
    if (write(fd, chunk, CHUNK) != CHUNK) fail("writing");
  }
  if (fsync(fd) != 0) fail("waiting for the disk");
}

static double synced(int fd, long for_seconds) {
  write_all(fd, (long)BLOCK * BLOCKS / CHUNK);
  double began = seconds();
  long done = 0;
  for (; seconds() < began + (double)for_seconds; done++)
    if (pwrite(fd, chunk, BLOCK, done * 7919 % BLOCKS * BLOCK) != BLOCK || fdatasync(fd) != 0) fail("writing");
  return (double)done / (seconds() - began);
}

int main(int argc, char **argv) {
  if (argc != 4 || chdir(argv[1]) != 0) fail("usage: disk FOLDER sync|stream|fill NUMBER");
  int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail(argv[2]);
  long number = atol(argv[3]);
  double began = seconds();
  if (strcmp(argv[2], "sync") == 0) {
    printf("%.0f\n", synced(fd, number));
  } else {
    write_all(fd, number);
    printf("%.0f\n", (double)number / (seconds() - began));
  }
  if (strcmp(argv[2], "fill") != 0) unlink(argv[2]);
}
