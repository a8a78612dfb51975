/* A disk that fails on demand, preloaded under SQLite (LD_PRELOAD).

   Watches the files whose path begins with the armed prefix (the state database and its write-ahead log, not the
   memory-mapped -shm, which is rebuilt after every crash). Counts each write, truncation and sync of them; at the
   armed count it behaves as told:

     FULL   this and every later write fails with ENOSPC
     IOERR  this operation fails with EIO, once: what comes after must not pretend that it had been well
     LOST   the power fails: of the writes since each file's last sync a seeded part never reached the disk
     TORN   the power fails in the middle of a write: half of it is there

   `disk_arm`, `disk_count` and `disk_fired` are called through ctypes by the process under test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum mode { NONE, FULL, IOERR, LOST, TORN };
enum { MOST_FDS = 1024, POWER_FAILED = 86 };

struct unsynced { int fd; int truncation; off_t at; off_t length_before; size_t size; char *before; char *after;
                  struct unsynced *earlier; };

static char prefix[4096];
static enum mode armed = NONE;
static long countdown_at = -1, operations = 0, fired = 0;
static unsigned luck = 1;
static char watched[MOST_FDS];
static struct unsynced *latest = NULL;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;  /* the state has a writer and a reader */

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);

static void find_real(void) {
  if (real_close) return;
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_pread = dlsym(RTLD_NEXT, "pread64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_open = dlsym(RTLD_NEXT, "open64");
  real_close = dlsym(RTLD_NEXT, "close");
}

void disk_arm(const char *path, int mode, long at, unsigned seed) {
  find_real();
  strncpy(prefix, path, sizeof prefix - 1);
  armed = mode; countdown_at = at; operations = 0; fired = 0; luck = seed * 2654435761u + 1;
}
long disk_count(void) { return operations; }
long disk_fired(void) { return fired; }

static int is_watched(int fd) { return prefix[0] && fd >= 0 && fd < MOST_FDS && watched[fd]; }

static unsigned draw(void) { luck ^= luck << 13; luck ^= luck >> 17; luck ^= luck << 5; return luck; }

static off_t length_of(int fd) { struct stat s; return fstat(fd, &s) ? 0 : s.st_size; }

static void remember(int fd, int truncation, const void *bytes, size_t size, off_t at) {
  struct unsynced *one = calloc(1, sizeof *one);
  one->fd = fd; one->truncation = truncation; one->at = at; one->size = size; one->length_before = length_of(fd);
  off_t kept_from = at, kept_to = truncation ? one->length_before : at + (off_t)size;
  if (truncation) one->size = kept_to > kept_from ? (size_t)(kept_to - kept_from) : 0;
  one->before = calloc(1, one->size + 1);
  if (one->size) real_pread(fd, one->before, one->size, kept_from);
  if (!truncation) { one->after = malloc(size); memcpy(one->after, bytes, size); }
  one->earlier = latest; latest = one;
}

static void forget(int fd) {
  for (struct unsynced **at = &latest; *at;) {
    struct unsynced *one = *at;
    if (one->fd != fd) { at = &one->earlier; continue; }
    *at = one->earlier; free(one->before); free(one->after); free(one);
  }
}

static void redo(struct unsynced *one) {
  if (!one) return;
  redo(one->earlier);  /* oldest first */
  if (draw() % 2) return;  /* this one never reached the disk */
  if (one->truncation) real_ftruncate(one->fd, one->at);
  else real_pwrite(one->fd, one->after, one->size, one->at);
}

static void power_fails(int keep_some) {
  for (struct unsynced *one = latest; one; one = one->earlier) {  /* newest first: back to the last sync */
    if (one->truncation) real_ftruncate(one->fd, one->length_before);
    if (one->size) real_pwrite(one->fd, one->before, one->size, one->at);
    if (!one->truncation) real_ftruncate(one->fd, one->length_before);
  }
  if (keep_some) redo(latest);
  _exit(POWER_FAILED);
}

/* Whether the operation at hand is the one that fails; FULL goes on failing. */
static int strikes(int is_write) {
  operations++;
  if (armed == NONE || operations < countdown_at) return 0;
  if (armed == FULL) { if (!is_write) return 0; fired++; return 1; }
  if (operations > countdown_at) return 0;
  fired++;
  return 1;
}

static ssize_t write_watched(int fd, const void *bytes, size_t size, off_t at) {
  if (strikes(1)) {
    if (armed == FULL) { errno = ENOSPC; return -1; }
    if (armed == IOERR) { errno = EIO; return -1; }
    if (armed == LOST) power_fails(1);
    real_pwrite(fd, bytes, size / 2, at);
    _exit(POWER_FAILED);
  }
  remember(fd, 0, bytes, size, at);
  return real_pwrite(fd, bytes, size, at);
}

static int truncate_watched(int fd, off_t length) {
  if (strikes(1)) {
    if (armed == FULL) { errno = ENOSPC; return -1; }
    if (armed == IOERR) { errno = EIO; return -1; }
    power_fails(armed == LOST);
  }
  remember(fd, 1, NULL, 0, length);
  return real_ftruncate(fd, length);
}

static int sync_watched(int fd, int (*real)(int)) {
  if (strikes(0)) {
    if (armed == IOERR) { errno = EIO; return -1; }
    power_fails(armed == LOST);
  }
  int result = real(fd);
  if (!result) forget(fd);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at) {
  find_real();
  if (!is_watched(fd)) return real_pwrite(fd, bytes, size, at);
  pthread_mutex_lock(&one_at_a_time);
  ssize_t result = write_watched(fd, bytes, size, at);
  int kept = errno;
  pthread_mutex_unlock(&one_at_a_time);
  errno = kept;
  return result;
}

int ftruncate64(int fd, off_t length) {
  find_real();
  if (!is_watched(fd)) return real_ftruncate(fd, length);
  pthread_mutex_lock(&one_at_a_time);
  int result = truncate_watched(fd, length), kept = errno;
  pthread_mutex_unlock(&one_at_a_time);
  errno = kept;
  return result;
}

static int sync_file(int fd, int (*real)(int)) {
  find_real();
  if (!is_watched(fd)) return real(fd);
  pthread_mutex_lock(&one_at_a_time);
  int result = sync_watched(fd, real), kept = errno;
  pthread_mutex_unlock(&one_at_a_time);
  errno = kept;
  return result;
}

int fdatasync(int fd) { find_real(); return sync_file(fd, real_fdatasync); }
int fsync(int fd) { find_real(); return sync_file(fd, real_fsync); }

int open64(const char *path, int flags, ...) {
  find_real();
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) { va_list given; va_start(given, flags); mode = va_arg(given, mode_t); va_end(given); }
  int fd = real_open(path, flags, mode);
  if (fd >= 0 && fd < MOST_FDS) {
    size_t length = strlen(path);
    int shared = length > 4 && !strcmp(path + length - 4, "-shm");
    watched[fd] = prefix[0] && !shared && !strncmp(path, prefix, strlen(prefix));
  }
  return fd;
}

int close(int fd) {
  find_real();
  if (is_watched(fd)) {
    pthread_mutex_lock(&one_at_a_time);
    forget(fd);
    watched[fd] = 0;
    pthread_mutex_unlock(&one_at_a_time);
  }
  return real_close(fd);
}
