// The calls by which a program reads a file tree, for LD_PRELOAD: each does what the kernel does, unless the plan
// (plan.h) says otherwise.
#define _GNU_SOURCE
#include "plan.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long syscall_call(long, long, long, long, long, long, long);
typedef int openat_call(int, const char *, int, mode_t);
typedef int statx_call(int, const char *, int, unsigned, struct statx *);
typedef ssize_t readlinkat_call(int, const char *, char *, size_t);

// What the program would have called.
#define NEXT(name)                                                                                                     \
  ({                                                                                                                   \
    static name##_call *next;                                                                                          \
    if (next == NULL) next = (name##_call *)dlsym(RTLD_NEXT, #name);                                                   \
    next;                                                                                                              \
  })

// Where a name in a directory is. False where that cannot be told: then the plan has nothing to say about it.
static bool locate(int directory, const char *name, char path[PATH_MAX]) {
  if (name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
  char link[64];
  if (directory == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
  int kept = errno;
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  errno = kept;
  if (length <= 0) return false;
  path[length] = '\0';
  if (name[0] == '\0' || strcmp(name, ".") == 0) return true;
  return snprintf(path + length, PATH_MAX - (size_t)length, "/%s", name) < PATH_MAX - length;
}

// What becomes of a call; a hang is over when this returns. True: it fails, with errno set.
static bool fails(enum call call, int directory, const char *name, bool has_begun, struct effect *effect) {
  char path[PATH_MAX];
  memset(effect, 0, sizeof *effect);
  if (!locate(directory, name, path)) return false;
  *effect = struck(call, path, has_begun);
  if (effect->hangs) wait_for_another_plan();
  if (effect->error == 0) return false;
  errno = effect->error;
  return true;
}

int openat(int directory, const char *name, int flags, ...) {
  bool needs_mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = needs_mode ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  struct effect effect;
  if (fails(CALL_OPEN, directory, name, false, &effect)) return -1;
  return NEXT(openat)(directory, name, flags, mode);
}

int statx(int directory, const char *restrict name, int flags, unsigned mask, struct statx *restrict status) {
  struct effect effect;
  if (fails(CALL_STAT, directory, name, false, &effect)) return -1;
  int result = NEXT(statx)(directory, name, flags, mask, status);
  if (result == 0 && effect.has_mtime) status->stx_mtime.tv_sec = effect.mtime;
  if (result == 0 && effect.has_times) {
    status->stx_mtime = (struct statx_timestamp){.tv_sec = effect.times};
    status->stx_ctime = status->stx_mtime;
  }
  return result;
}

ssize_t readlinkat(int directory, const char *restrict name, char *restrict buffer, size_t size) {
  struct effect effect;
  if (fails(CALL_READLINK, directory, name, false, &effect)) return -1;
  return NEXT(readlinkat)(directory, name, buffer, size);
}

static long skip(char *buffer, long length, const char *pattern) {
  long kept = 0;
  for (long place = 0; place < length;) {
    struct dirent64 *entry = (struct dirent64 *)(buffer + place);
    unsigned short size = entry->d_reclen;
    place += size;
    if (fnmatch(pattern, entry->d_name, 0) == 0) continue;
    memmove(buffer + kept, entry, size);
    kept += size;
  }
  return kept;
}

static long repeat(char *buffer, long length, const char *name) {
  for (long place = 0; place < length;) {
    struct dirent64 *entry = (struct dirent64 *)(buffer + place);
    if (strcmp(entry->d_name, name) == 0) {
      memcpy(buffer + length, entry, entry->d_reclen);
      return length + entry->d_reclen;
    }
    place += entry->d_reclen;
  }
  return length;
}

static long list(int directory, char *buffer, size_t size) {
  syscall_call *next = NEXT(syscall);
  struct effect effect;
  bool has_begun = lseek(directory, 0, SEEK_CUR) > 0;
  if (fails(CALL_LIST, directory, "", has_begun, &effect)) return -1;
  if (effect.ends) return 0;
  // Room for an entry that is repeated.
  if (*effect.repeated) size -= sizeof(struct dirent64);
  if (effect.most_bytes && (size_t)effect.most_bytes < size) size = (size_t)effect.most_bytes;
  long length;
  do {
    length = next(SYS_getdents64, directory, (long)(intptr_t)buffer, (long)size, 0, 0, 0);
    if (length <= 0) return length;
    if (*effect.skipped) length = skip(buffer, length, effect.skipped);
    // Nothing at all would say that this was the end.
  } while (length == 0);
  return *effect.repeated ? repeat(buffer, length, effect.repeated) : length;
}

long syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long a[6];
  for (int place = 0; place < 6; place++) a[place] = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_getdents64) return list((int)a[0], (char *)(intptr_t)a[1], (size_t)a[2]);
  struct effect effect;
  if (number == SYS_openat2 && fails(CALL_OPEN, (int)a[0], (const char *)(intptr_t)a[1], false, &effect)) return -1;
  return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
