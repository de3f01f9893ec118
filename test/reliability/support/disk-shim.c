/*
 * Preloaded into a process, sees every change it makes to files below one directory.
 *
 * TABLECAST_SHIM_DIRECTORY  the directory; without it nothing happens
 * TABLECAST_SHIM_RECORD     a file that gets every write, truncation, sync, removal and renaming in order
 *
 * The process itself arms a fault by unlink("/tablecast-shim/arm <kind> <errno> <nth> <mode>"):
 * kind W (writes), T (truncations), S (syncs of files) or D (syncs of directories); mode 1 (once), 2 (from then on) or
 * 3 (once, and a write takes half first). unlink("/tablecast-shim/seen <kind>") fails with errno
 * 1000 + the number of calls of that kind since the last arming; "/tablecast-shim/hits" with
 * 1000 + the number of calls that failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 4096

static const char magic[] = "/tablecast-shim/";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *directory;
static size_t directory_length;
static int record = -1;

static char armed_kind;
static int armed_errno, armed_mode, hits;
static long armed_nth, writes, truncations, syncs, directory_syncs;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  directory = getenv("TABLECAST_SHIM_DIRECTORY");
  directory_length = directory == NULL ? 0 : strlen(directory);
  const char *file = getenv("TABLECAST_SHIM_RECORD");
  if (file != NULL) record = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(const char *path) {
  return directory != NULL && strncmp(path, directory, directory_length) == 0;
}

static int path_of(int fd, char *path) {
  char link[64];
  if (directory == NULL || fd == record) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_BYTES - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_watched(path) && strstr(path, " (deleted)") == NULL;
}

static void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    ssize_t written = real_write(record, at, length);
    if (written <= 0) abort();
    at += written;
    length -= (size_t)written;
  }
}

/* 32 bytes: kind, 3 unused, length of the path (4), offset (8), length (8), nanoseconds (8); then path and data. */
static void note(char kind, const char *path, uint64_t offset, uint64_t length, const void *data) {
  if (record < 0) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  unsigned char head[32] = {0};
  uint32_t path_length = (uint32_t)strlen(path);
  uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  head[0] = (unsigned char)kind;
  memcpy(head + 4, &path_length, 4);
  memcpy(head + 8, &offset, 8);
  memcpy(head + 16, &length, 8);
  memcpy(head + 24, &time, 8);
  put(head, sizeof head);
  put(path, path_length);
  if (data != NULL) put(data, length);
}

/* The fault for one call: 0 for none, otherwise its mode. */
static int fault(char kind) {
  long count = 0;
  if (kind == 'W') count = ++writes;
  if (kind == 'T') count = ++truncations;
  if (kind == 'S') count = ++syncs;
  if (kind == 'D') count = ++directory_syncs;
  if (armed_kind != kind) return 0;
  if (armed_mode == 2 ? count < armed_nth : count != armed_nth) return 0;
  hits++;
  return armed_mode;
}

static ssize_t any_write(int fd, const void *data, size_t length, off64_t offset, int positioned) {
  char path[PATH_BYTES];
  if (!path_of(fd, path)) {
    return positioned ? real_pwrite(fd, data, length, offset) : real_write(fd, data, length);
  }
  pthread_mutex_lock(&mutex);
  int mode = fault('W');
  ssize_t written = -1;
  if (mode == 1 || mode == 2) {
    errno = armed_errno;
  } else {
    if (mode == 3 && length > 1) length /= 2;
    if (!positioned) offset = lseek64(fd, 0, SEEK_CUR);
    written = positioned ? real_pwrite(fd, data, length, offset) : real_write(fd, data, length);
    if (written > 0) note('W', path, (uint64_t)offset, (uint64_t)written, data);
  }
  int saved = errno;
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return written;
}

ssize_t write(int fd, const void *data, size_t length) { return any_write(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return any_write(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  return any_write(fd, data, length, offset, 1);
}

static int any_truncate(int fd, off64_t length) {
  char path[PATH_BYTES];
  if (!path_of(fd, path)) return real_ftruncate(fd, length);
  pthread_mutex_lock(&mutex);
  int result = -1;
  if (fault('T')) errno = armed_errno;
  else result = real_ftruncate(fd, length);
  int saved = errno;
  if (result == 0) note('T', path, (uint64_t)length, 0, NULL);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

int ftruncate(int fd, off_t length) { return any_truncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return any_truncate(fd, length); }

static int any_sync(int fd, int (*real)(int)) {
  char path[PATH_BYTES];
  if (!path_of(fd, path)) return real(fd);
  struct stat found;
  pthread_mutex_lock(&mutex);
  int result = -1;
  if (fault(fstat(fd, &found) == 0 && S_ISDIR(found.st_mode) ? 'D' : 'S')) errno = armed_errno;
  else result = real(fd);
  int saved = errno;
  if (result == 0) note('S', path, 0, 0, NULL);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

int fsync(int fd) { return any_sync(fd, real_fsync); }
int fdatasync(int fd) { return any_sync(fd, real_fdatasync); }

static int obey(const char *order) {
  char kind = 0;
  int result = 0;
  pthread_mutex_lock(&mutex);
  if (strncmp(order, "arm ", 4) == 0) {
    writes = truncations = syncs = directory_syncs = 0;
    hits = 0;
    if (sscanf(order, "arm %c %d %ld %d", &armed_kind, &armed_errno, &armed_nth, &armed_mode) != 4) abort();
  } else if (sscanf(order, "seen %c", &kind) == 1) {
    errno = 1000 + (int)(kind == 'W' ? writes : kind == 'T' ? truncations : kind == 'S' ? syncs : directory_syncs);
    result = -1;
  } else {
    errno = 1000 + hits;
    result = -1;
  }
  int saved = errno;
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

int unlink(const char *path) {
  if (strncmp(path, magic, sizeof magic - 1) == 0) return obey(path + sizeof magic - 1);
  if (!is_watched(path)) return real_unlink(path);
  pthread_mutex_lock(&mutex);
  int result = real_unlink(path);
  int saved = errno;
  if (result == 0) note('U', path, 0, 0, NULL);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

/* The new name is the data. */
int rename(const char *from, const char *to) {
  if (!is_watched(from)) return real_rename(from, to);
  pthread_mutex_lock(&mutex);
  int result = real_rename(from, to);
  int saved = errno;
  if (result == 0) note('R', from, 0, strlen(to), to);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}
