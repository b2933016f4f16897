#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "descriptor.h"

namespace knockd {
namespace {

// The place of the command line in our memory, which /proc/PID/cmdline shows: fields 48 and 49 of /proc/self/stat.
struct CommandLine {
  uintptr_t start = 0;
  uintptr_t end = 0;
};

CommandLine FindCommandLine() {
  std::ifstream file("/proc/self/stat");
  std::string all;
  std::getline(file, all);
  const size_t name_end = all.rfind(')');  // the short name may contain blanks
  if (name_end == std::string::npos) return {};
  std::istringstream fields(all.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 48; field++) fields >> skipped;
  CommandLine found;
  fields >> found.start >> found.end;
  return fields ? found : CommandLine{};
}

}  // namespace

void NameProcess(const Napi::CallbackInfo& info) {
  prctl(PR_SET_NAME, info[0].ToString().Utf8Value().c_str());
  const CommandLine line = FindCommandLine();
  if (line.start == 0 || line.end <= line.start) return;
  char* const words = reinterpret_cast<char*>(line.start);
  char* const end = reinterpret_cast<char*>(line.end);
  // Null if there are fewer words.
  const auto behind = [end](char* word, uint32_t count) -> char* {
    for (; word != nullptr && count > 0; count--) {
      word = static_cast<char*>(memchr(word, '\0', static_cast<size_t>(end - word)));
      if (word != nullptr) word++;
    }
    return word;
  };
  char* const removed = behind(words, info[1].ToNumber().Uint32Value());
  char* const kept = behind(removed, info[2].ToNumber().Uint32Value());
  if (kept == nullptr) return;
  // Write it in the same place, with zeros behind it, as setproctitle does. Moving the kernel's bounds would need
  // CAP_SYS_RESOURCE, which the service does not have. ps, pgrep, pidof, monit and check_procs ignore the zeros.
  const size_t size = static_cast<size_t>(end - kept);
  memmove(removed, kept, size);
  memset(removed + size, 0, static_cast<size_t>(kept - removed));
}

void CloseOnExec() {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir("/proc/self/fd"), closedir);
  if (!listing) return;
  while (const dirent* entry = readdir(listing.get())) {
    const int fd = atoi(entry->d_name);  // "." and ".." become 0
    if (fd > 2) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

void Detach(const Napi::CallbackInfo& info) {
  Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  bool ok = static_cast<bool>(null) && chdir("/") == 0;
  for (int fd = 0; ok && fd <= 2; fd++) ok = dup2(null.Get(), fd) == fd;
  const int error = errno;
  if (null.Get() <= 2) null.Release();  // it is one of the three itself
  if (!ok) throw Napi::Error::New(info.Env(), std::string("could not detach: ") + strerror(error));
}

Napi::Value IsClockSet(const Napi::CallbackInfo& info) {
  timex clock = {};
  const int state = adjtimex(&clock);  // without modes it only reads
  return Napi::Boolean::New(info.Env(), state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0);
}

void ExitNow(const Napi::CallbackInfo& info) { _exit(info[0].ToNumber().Int32Value()); }

}  // namespace knockd
