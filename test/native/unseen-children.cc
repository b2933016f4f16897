// A library to be preloaded: no child's end can be seen by a descriptor. What fails is in UNSEEN: `pidfd_open`, as when
// the last descriptor goes to another thread, or `epoll_ctl`, as when a limit of epoll's is reached.
#include <dlfcn.h>
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

bool IsPidfd(int fd) {
  char path[32], link[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(path, link, sizeof link - 1);
  if (length < 0) return false;
  link[length] = '\0';
  return strstr(link, "pidfd") != nullptr;
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
  if (operation == EPOLL_CTL_ADD && IsPidfd(fd) && Fails("epoll_ctl")) {
    errno = ENOSPC;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int, int, int, epoll_event*)>(dlsym(RTLD_NEXT, "epoll_ctl"));
  return real(epoll, operation, fd, event);
}
