// A library to be preloaded: no child's end can be seen by a descriptor. What fails is in UNSEEN: `pidfd_open`, as when
// the last descriptor goes to another thread, or `epoll_ctl`, as when a limit of epoll's is reached. Or, before there
// is a child: `pipe2` and `epoll_ctl_pipe`, as when there is no descriptor for its standard error; `posix_spawn`, as
// when there are too many processes.
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool Fails(const char* what) {
  const char* chosen = getenv("UNSEEN");
  return chosen != nullptr && strcmp(chosen, what) == 0;
}

int addons_pipe = -1;

bool LeadsTo(int fd, const char* what) {
  char path[32], link[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(path, link, sizeof link - 1);
  if (length < 0) return false;
  link[length] = '\0';
  return strstr(link, what) != nullptr;
}

}  // namespace

extern "C" long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long given[6];
  for (long& one : given) one = va_arg(list, long);
  va_end(list);
  // Of itself a process may ask: that is how the addon finds out whether the kernel has it.
  if (number == SYS_pidfd_open && given[0] != getpid() && Fails("pidfd_open")) {
    errno = EMFILE;
    return -1;
  }
  static const auto real = reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  const bool fails = (Fails("epoll_ctl") && LeadsTo(fd, "pidfd")) || (Fails("epoll_ctl_pipe") && fd == addons_pipe);
  if (operation == EPOLL_CTL_ADD && fails) {
    errno = ENOSPC;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int, int, int, epoll_event*)>(dlsym(RTLD_NEXT, "epoll_ctl"));
  return real(epoll, operation, fd, event);
}

// Of the addon's: without its own pipes Node does not start.
extern "C" int pipe2(int ends[2], int flags) {
  Dl_info caller{};
  const bool is_addon =
      dladdr(__builtin_return_address(0), &caller) != 0 && strstr(caller.dli_fname, ".node") != nullptr;
  if (is_addon && Fails("pipe2")) {
    errno = EMFILE;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int*, int)>(dlsym(RTLD_NEXT, "pipe2"));
  const int result = real(ends, flags);
  if (is_addon && result == 0) addons_pipe = ends[0];
  return result;
}

extern "C" int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                           const posix_spawnattr_t* attributes, char* const argv[], char* const environment[]) {
  if (Fails("posix_spawn")) return EAGAIN;
  static const auto real = reinterpret_cast<decltype(&posix_spawn)>(dlsym(RTLD_NEXT, "posix_spawn"));
  return real(pid, path, actions, attributes, argv, environment);
}
