// The interfaces of this machine and their addresses.
#pragma once

#include <napi.h>

namespace knockd {

// addresses(interface: string): string[], IPv4 and IPv6 in text, without scope or prefix; of an alias (eth0:1) too, and
// of an interface that is down. Empty when there is no such interface. Throws an Error with the system's words.
Napi::Value Addresses(const Napi::CallbackInfo& info);

}  // namespace knockd
