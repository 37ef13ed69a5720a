// The plan by which the file system is faulty: which calls, on which paths, when, and what becomes of them.
//
// A file, named by FAULTY_PLAN, whose first line is the tree: an absolute path, outside of which nothing is
// touched. Each further line is a rule of four fields, separated by tabs:
//
//     call    open (openat, openat2), list (getdents64), stat (statx) or readlink (readlinkat)
//     path    relative to the tree, a pattern of fnmatch(3) whose * matches slashes too; "." is the tree itself
//     when    always
//             N         the Nth such call only, counted from 1
//             N+        the Nth such call and all that follow
//             N/M       the first N of every M such calls
//             begun     a listing that has given something already
//     effect  errno=N   the call fails
//             hang      the call does not return until there is another plan
//             short=N   getdents64 gives N bytes at most, so that a small directory takes several calls
//             end       getdents64 says that this was all
//             skip=NAME getdents64 leaves out the entries that this pattern matches
//             repeat=NAME getdents64 gives this entry twice
//             mtime=N   statx tells of a modification N seconds after 1970
//             times=N   statx tells of a modification and a change N seconds after 1970, to the second
//
// Whoever exchanges the file (rename(2)) exchanges the plan, at the next call. A rule that strikes writes a line
// to the file FAULTY_STRIKES: its place among the rules, from 0, and the path. A plan that cannot be read ends
// the process: no test may go on without its faults.
#pragma once
#include <limits.h>
#include <stdbool.h>

enum call { CALL_OPEN, CALL_LIST, CALL_STAT, CALL_READLINK };

// What becomes of one call. Nothing, where all is 0.
struct effect {
  int error; // an errno
  bool hangs;
  bool ends;
  long most_bytes;
  char skipped[NAME_MAX + 1];
  char repeated[NAME_MAX + 1];
  bool has_mtime;
  long mtime;
  bool has_times;
  long times;
};

// Looks a call up in the plan, as its next one; every rule that is due strikes.
//
// - path: absolute, as /proc/self/fd says it.
// - has_begun: of a listing: something was read from it before.
struct effect struck(enum call call, const char *path, bool has_begun);

// Returns when the plan is another than it was at the last call of `struck`.
void wait_for_another_plan(void);
