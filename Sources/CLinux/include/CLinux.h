// Linux calls that Swift cannot make by itself: variadics, macros, and calls that Glibc's module hides.
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
