// Forbids the system calls that a daemon without commands does not need. Each is a way to another program, to another
// process or to more rights.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace knockd {

// The program for seccomp(2). Empty for a processor whose system calls are not known here.
std::vector<sock_filter> SyscallFilter();

}  // namespace knockd
