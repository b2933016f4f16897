// Asking the kernel by rtnetlink(7).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <functional>
#include <string>

namespace knockd {

// What all of these throw.
struct Failure {
  std::string words;
};

// Hears of changes in these groups (RTMGRP_*).
int OpenSocket(unsigned groups);

// The attributes behind a message's fixed part.
void EachAttribute(const nlmsghdr* message, size_t fixed, const std::function<void(const rtattr*)>& take);

// All of one kind (RTM_GET*). `begin` forgets what a disturbed dump has given.
void Dump(int type, const std::function<void()>& begin, const std::function<void(const nlmsghdr*)>& take);

}  // namespace knockd
