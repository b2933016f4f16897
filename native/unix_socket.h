// Unix sockets that never block the event loop, for the system's log and for systemd.
#pragma once

#include <string>

#include "descriptor.h"

namespace knockd {

// Connects to the socket at this path, or with a leading `@` to this abstract name. Returns 0 or errno.
int Connect(Descriptor* socket, int type, const std::string& path);

}  // namespace knockd
