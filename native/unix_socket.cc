#include "unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace knockd {

int Connect(Descriptor* socket, int type, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return EINVAL;
  memcpy(address.sun_path, path.data(), path.size());
  const bool abstract = path[0] == '@';
  if (abstract) address.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);

  socket->Reset(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!*socket) return errno;
  if (connect(socket->Get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)) == 0)
    return 0;
  const int error = errno;
  socket->Reset();
  return error;
}

}  // namespace knockd
