#define _GNU_SOURCE
#include "plan.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_RULES = 32, MOST_BYTES = 16384 };

struct rule {
  enum call call;
  char path[PATH_MAX];
  // The first `first` of every `every` calls, of those from the `least`th to the `most`th.
  long first, every, least, most;
  bool once_begun;
  struct effect effect;
  long calls;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char tree[PATH_MAX];
static struct rule rules[MOST_RULES];
static int rule_count;
static struct stat plan_file;

static void die(const char *why, const char *line) {
  dprintf(STDERR_FILENO, "faulty file system: %s: %s\n", why, line);
  _exit(70);
}

static long number(const char *text, const char *line) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') die("no number", line);
  return value;
}

static void copy(char *to, size_t size, const char *from, const char *line) {
  if (strlen(from) >= size) die("too long", line);
  strcpy(to, from);
}

// What follows `key` and an equals sign, or NULL.
static const char *value(const char *field, const char *key) {
  size_t length = strlen(key);
  return strncmp(field, key, length) == 0 && field[length] == '=' ? field + length + 1 : NULL;
}

static enum call parse_call(const char *field, const char *line) {
  static const char *const names[] = {"open", "list", "stat", "readlink"};
  for (int call = CALL_OPEN; call <= CALL_READLINK; call++)
    if (strcmp(field, names[call]) == 0) return (enum call)call;
  die("no call", line);
  return CALL_OPEN;
}

static void parse_when(char *field, struct rule *rule, const char *line) {
  rule->first = rule->every = rule->least = 1;
  rule->most = LONG_MAX;
  if (strcmp(field, "always") == 0) return;
  rule->once_begun = strcmp(field, "begun") == 0;
  if (rule->once_begun) return;
  char *slash = strchr(field, '/');
  char *plus = strchr(field, '+');
  if (slash == NULL) {
    if (plus != NULL) *plus = '\0';
    rule->least = number(field, line);
    if (plus == NULL) rule->most = rule->least;
    return;
  }
  *slash = '\0';
  rule->first = number(field, line);
  rule->every = number(slash + 1, line);
  if (rule->every < 1) die("no share", line);
}

static void parse_effect(const char *field, struct effect *effect, const char *line) {
  const char *text;
  if (strcmp(field, "hang") == 0) effect->hangs = true;
  else if (strcmp(field, "end") == 0) effect->ends = true;
  else if ((text = value(field, "errno"))) effect->error = (int)number(text, line);
  else if ((text = value(field, "short"))) effect->most_bytes = number(text, line);
  else if ((text = value(field, "skip"))) copy(effect->skipped, sizeof effect->skipped, text, line);
  else if ((text = value(field, "repeat"))) copy(effect->repeated, sizeof effect->repeated, text, line);
  else if ((text = value(field, "mtime"))) {
    effect->has_mtime = true;
    effect->mtime = number(text, line);
  } else if ((text = value(field, "times"))) {
    effect->has_times = true;
    effect->times = number(text, line);
  } else die("no effect", line);
}

static void parse_rule(char *line) {
  char whole[PATH_MAX];
  snprintf(whole, sizeof whole, "%s", line);
  char *fields[4], *rest = line;
  for (int place = 0; place < 4; place++)
    if ((fields[place] = strsep(&rest, "\t")) == NULL) die("not four fields", whole);
  if (rule_count == MOST_RULES) die("too many rules", whole);
  struct rule *rule = &rules[rule_count++];
  memset(rule, 0, sizeof *rule);
  rule->call = parse_call(fields[0], whole);
  copy(rule->path, sizeof rule->path, fields[1], whole);
  parse_when(fields[2], rule, whole);
  parse_effect(fields[3], &rule->effect, whole);
}

static const char *plan_path(void) {
  const char *path = getenv("FAULTY_PLAN");
  if (path == NULL) die("not set", "FAULTY_PLAN");
  return path;
}

static bool is_another(const struct stat *now) {
  return now->st_ino != plan_file.st_ino || now->st_mtim.tv_sec != plan_file.st_mtim.tv_sec ||
         now->st_mtim.tv_nsec != plan_file.st_mtim.tv_nsec;
}

// Reads the plan if it is another than before. Under the lock.
static void read_plan(void) {
  static char text[MOST_BYTES];
  struct stat now;
  const char *path = plan_path();
  if (stat(path, &now) != 0) die("cannot be read", path);
  if (!is_another(&now)) return;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = read(file, text, sizeof text - 1);
  // Exchanged since: that one is told by its own stamps.
  if (length <= 0 || length == sizeof text - 1 || fstat(file, &plan_file) != 0) die("cannot be read", path);
  close(file);
  text[length] = '\0';
  char *rest = text, *line = strsep(&rest, "\n");
  copy(tree, sizeof tree, line, line);
  if (tree[0] != '/') die("no absolute path", line);
  rule_count = 0;
  while ((line = strsep(&rest, "\n")))
    if (*line != '\0') parse_rule(line);
}

static bool is_due(struct rule *rule, bool has_begun) {
  if (rule->once_begun && !has_begun) return false;
  long call = ++rule->calls;
  return call >= rule->least && call <= rule->most && (call - 1) % rule->every < rule->first;
}

static void note_strike(int place, const char *path) {
  static int file = -1;
  const char *name = getenv("FAULTY_STRIKES");
  if (name == NULL) die("not set", "FAULTY_STRIKES");
  if (file < 0) file = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  char line[PATH_MAX + 32];
  int length = snprintf(line, sizeof line, "%d %s\n", place, path);
  if (write(file, line, (size_t)length) != length) die("cannot be written", name);
}

static void add(struct effect *sum, const struct effect *effect) {
  if (effect->error) sum->error = effect->error;
  sum->hangs |= effect->hangs;
  sum->ends |= effect->ends;
  if (effect->most_bytes) sum->most_bytes = effect->most_bytes;
  if (*effect->skipped) strcpy(sum->skipped, effect->skipped);
  if (*effect->repeated) strcpy(sum->repeated, effect->repeated);
  if (effect->has_mtime) sum->has_mtime = true, sum->mtime = effect->mtime;
  if (effect->has_times) sum->has_times = true, sum->times = effect->times;
}

// The path below the tree, "." for the tree itself, NULL outside.
static const char *below_tree(const char *path) {
  size_t length = strlen(tree);
  if (strncmp(path, tree, length) != 0) return NULL;
  if (path[length] == '\0') return ".";
  return path[length] == '/' ? path + length + 1 : NULL;
}

struct effect struck(enum call call, const char *path, bool has_begun) {
  struct effect sum = {0};
  pthread_mutex_lock(&lock);
  read_plan();
  const char *relative = below_tree(path);
  for (int place = 0; relative != NULL && place < rule_count; place++) {
    struct rule *rule = &rules[place];
    if (rule->call != call || fnmatch(rule->path, relative, 0) != 0 || !is_due(rule, has_begun)) continue;
    note_strike(place, relative);
    add(&sum, &rule->effect);
  }
  pthread_mutex_unlock(&lock);
  return sum;
}

void wait_for_another_plan(void) {
  pthread_mutex_lock(&lock);
  struct stat begun = plan_file;
  pthread_mutex_unlock(&lock);
  while (true) {
    struct stat now;
    if (stat(plan_path(), &now) == 0 &&
        (now.st_ino != begun.st_ino || now.st_mtim.tv_nsec != begun.st_mtim.tv_nsec)) return;
    usleep(5000);
  }
}
