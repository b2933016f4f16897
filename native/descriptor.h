// Owns a file descriptor and closes it.
#pragma once

#include <unistd.h>

#include <utility>

namespace knockd {

class Descriptor {
 public:
  Descriptor() = default;
  // Takes the result of a system call, which is negative if the call failed. Does not change errno.
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~Descriptor() { Reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int Get() const { return fd_; }
  // From now on the caller must close it.
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace knockd
