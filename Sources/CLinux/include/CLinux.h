// Linux calls that Swift cannot make by itself: variadics, macros, and calls that Glibc's module hides.
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

// Flags that only _GNU_SOURCE defines.
extern const int linux_O_PATH;
extern const int linux_AT_EMPTY_PATH;
extern const int linux_AT_NO_AUTOMOUNT;

// The calls of the walk answer as the kernel does: a result, or the negated errno.

// openat(2) without a mode: it opens what exists.
int linux_openat(int directory, const char *name, int flags);

// openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS: whatever the path holds and
// whatever is renamed meanwhile, it leads beneath the directory and through no link. Since Linux 5.6.
int linux_open_beneath(int directory, const char *path, int flags);

// readlinkat(2): bytes written to the buffer, without a NUL.
ssize_t linux_readlinkat(int directory, const char *name, char *buffer, size_t size);

// getdents64(2): bytes written to the buffer, 0 at the end of the directory.
ssize_t linux_getdents64(int directory, void *buffer, size_t size);

// statx(2): 0.
int linux_statx(int directory, const char *name, int flags, unsigned mask, struct statx *result);

// Which file system a file lies on. What is not known of it is 0.
struct linux_filesystem {
  // f_type and f_fsid of statfs(2).
  uint64_t type;
  uint64_t fsid;
  // FS_IOC_GETFSUUID; since Linux 6.9, and not of every file system, nor by a descriptor of O_PATH.
  uint8_t uuid[16];
};

// fstatfs(2): 0.
int linux_filesystem_of(int file, struct linux_filesystem *result);

// makedev(3): a device number as st_dev holds it.
uint64_t linux_makedev(unsigned major, unsigned minor);

// pthread_setname_np(3) for the calling thread: at most 15 bytes. 0, or an errno.
int linux_set_thread_name(const char *name);

// "EACCES"; NULL if unknown. strerrorname_np(3).
const char *linux_errno_name(int error);

// "Permission denied", in English whatever the locale; NULL if unknown. strerrordesc_np(3).
const char *linux_errno_description(int error);
