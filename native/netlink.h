// Netlink sockets and their messages: rtnetlink(7), sock_diag(7), nfnetlink.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <functional>
#include <string>

#include "descriptor.h"

namespace knockd {

// All functions here throw this.
struct NetlinkError {
  int code;  // errno
  std::string Text() const;
};

using TakeMessage = std::function<void(const nlmsghdr*)>;
// nlattr of nfnetlink has the same layout.
using TakeAttribute = std::function<void(const rtattr*)>;

// Opens a socket of this protocol (NETLINK_*) that never blocks. It receives the messages of these groups (RTMGRP_*).
Descriptor OpenNetlink(int protocol, unsigned groups = 0);

// Sends a dump request, which begins with its header, and takes each message of the answer. Returns false when the
// kernel says that a change disturbed the dump, and true otherwise.
bool Dump(int protocol, const nlmsghdr* request, const TakeMessage& take);

// The attributes behind a message's fixed part.
void EachAttribute(const nlmsghdr* message, size_t fixed, const TakeAttribute& take);

// The attributes inside another one.
void EachNested(const rtattr* outer, const TakeAttribute& take);

}  // namespace knockd
