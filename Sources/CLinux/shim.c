#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CLinux.h"
#include <errno.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const int linux_O_PATH = O_PATH;
const int linux_AT_EMPTY_PATH = AT_EMPTY_PATH;
const int linux_AT_NO_AUTOMOUNT = AT_NO_AUTOMOUNT;

int linux_openat(int directory, const char *name, int flags) {
  int result = openat(directory, name, flags);
  return result < 0 ? -errno : result;
}

int linux_open_beneath(int directory, const char *path, int flags) {
  struct open_how how = {
      .flags = (unsigned)flags,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  long result = syscall(SYS_openat2, directory, path, &how, sizeof how);
  return result < 0 ? -errno : (int)result;
}

ssize_t linux_readlinkat(int directory, const char *name, char *buffer, size_t size) {
  ssize_t result = readlinkat(directory, name, buffer, size);
  return result < 0 ? -errno : result;
}

ssize_t linux_getdents64(int directory, void *buffer, size_t size) {
  long result = syscall(SYS_getdents64, directory, buffer, size);
  return result < 0 ? -errno : result;
}

int linux_statx(int directory, const char *name, int flags, unsigned mask, struct statx *result) {
  return statx(directory, name, flags, mask, result) < 0 ? -errno : 0;
}

uint64_t linux_makedev(unsigned major, unsigned minor) { return gnu_dev_makedev(major, minor); }

int linux_set_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

// FS_IOC_GETFSUUID, which <linux/fs.h> defines since Linux 6.9.
struct linux_fs_uuid {
  uint8_t length;
  uint8_t bytes[16];
};
#define LINUX_GET_FS_UUID _IOR(0x15, 0, struct linux_fs_uuid)

int linux_filesystem_of(int file, struct linux_filesystem *result) {
  struct statfs status;
  if (fstatfs(file, &status) < 0) return -errno;
  memset(result, 0, sizeof *result);
  result->type = (uint64_t)(unsigned long)status.f_type;
  memcpy(&result->fsid, &status.f_fsid, sizeof result->fsid);
  struct linux_fs_uuid uuid = {0};
  if (ioctl(file, LINUX_GET_FS_UUID, &uuid) == 0 && uuid.length == sizeof uuid.bytes)
    memcpy(result->uuid, uuid.bytes, sizeof result->uuid);
  return 0;
}

const char *linux_errno_name(int error) { return strerrorname_np(error); }

const char *linux_errno_description(int error) { return strerrordesc_np(error); }
