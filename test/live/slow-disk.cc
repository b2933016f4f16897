// Put before libc (LD_PRELOAD): each fsync takes SLOW_DISK_MS milliseconds more, and none ends while the file
// SLOW_DISK_GATE is there. A disk as slow as that is hard to come by, and this one is slow on every file system.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace {

void Wait() {
  if (const char* ms = getenv("SLOW_DISK_MS")) usleep(static_cast<useconds_t>(atoi(ms)) * 1000);
  const char* gate = getenv("SLOW_DISK_GATE");
  while (gate != nullptr && access(gate, F_OK) == 0) usleep(1000);
}

}  // namespace

extern "C" int fsync(int fd) {
  Wait();
  return static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" int fdatasync(int fd) {
  Wait();
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
