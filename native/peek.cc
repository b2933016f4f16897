#include "peek.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "descriptor.h"

namespace knockd {
namespace {

constexpr size_t kMost = 64;
// How long to wait for more, when there are some bytes but too few.
constexpr useconds_t kPauseMicroseconds = 10000;

// Reads from a copy of the pipe (tee(2)), so that the bytes stay in the original.
ssize_t PeekPipe(int fd, uint8_t* bytes, size_t count) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const Descriptor out(ends[0]), in(ends[1]);
  const ssize_t copied = tee(fd, in.Get(), count, 0);
  return copied <= 0 ? copied : read(out.Get(), bytes, copied);
}

ssize_t PeekOnce(int fd, mode_t mode, uint8_t* bytes, size_t count) {
  if (S_ISFIFO(mode)) return PeekPipe(fd, bytes, count);
  if (S_ISSOCK(mode)) return recv(fd, bytes, count, MSG_PEEK);
  return pread(fd, bytes, count, std::max<off_t>(lseek(fd, 0, SEEK_CUR), 0));
}

// Waits until `count` bytes are there, or the input ends. Returns how many are there; negative, with errno, on failure.
ssize_t PeekAll(int fd, uint8_t* bytes, size_t count) {
  struct stat stat {};
  if (fstat(fd, &stat) != 0) return -1;
  const bool streams = S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode);
  for (;;) {
    const ssize_t got = PeekOnce(fd, stat.st_mode, bytes, count);
    const bool again = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!again && (got <= 0 || !streams || static_cast<size_t>(got) == count)) return got;
    pollfd one{fd, POLLIN | POLLRDHUP, 0};
    poll(&one, 1, -1);
    // The writer may have gone with fewer bytes than that: then no more come.
    if (got > 0 && (one.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0)
      return PeekOnce(fd, stat.st_mode, bytes, count);
    if (got > 0) usleep(kPauseMicroseconds);
  }
}

}  // namespace

Napi::Value Peek(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint8_t bytes[kMost];
  const size_t count = std::min<size_t>(info[1].ToNumber().Uint32Value(), kMost);
  const ssize_t got = PeekAll(info[0].ToNumber().Int32Value(), bytes, count);
  if (got < 0) throw Napi::Error::New(env, strerror(errno));
  return Napi::Buffer<uint8_t>::Copy(env, bytes, got);
}

}  // namespace knockd
