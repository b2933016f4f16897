// Unix sockets that never block the loop, for the system's log and for systemd.
#pragma once

#include <string>

namespace knockd {

// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() { Reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int Get() const { return fd_; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Connects to the socket of this path, or with `@` before it of this abstract name. Returns 0, or the errno.
int Connect(Descriptor* socket, int type, const std::string& path);

}  // namespace knockd
