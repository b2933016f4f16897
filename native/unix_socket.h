// Unix sockets that never block the event loop, for the system's log and for systemd.
#pragma once

#include <string>

#include "descriptor.h"

namespace knockd {

// Connects to the socket of this path, or with `@` before it of this abstract name. Returns 0, or the errno.
int Connect(Descriptor* socket, int type, const std::string& path);

}  // namespace knockd
