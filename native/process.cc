#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace knockd {

void CloseOnExec() {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir("/proc/self/fd"), closedir);
  if (!listing) return;
  while (const dirent* entry = readdir(listing.get())) {
    const int fd = atoi(entry->d_name);  // "." and ".." become 0
    if (fd > 2) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

void Detach(const Napi::CallbackInfo& info) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  bool ok = null >= 0 && chdir("/") == 0;
  for (int fd = 0; ok && fd <= 2; fd++) ok = dup2(null, fd) == fd;
  const int error = errno;
  if (null > 2) close(null);
  if (!ok) throw Napi::Error::New(info.Env(), std::string("could not detach: ") + strerror(error));
}

void ExitNow(const Napi::CallbackInfo& info) { _exit(info[0].ToNumber().Int32Value()); }

}  // namespace knockd
