// A packet filter as JavaScript writes it, as libpcap's frames have it and as the kernel does.
#pragma once

#include <napi.h>
#include <pcap/pcap.h>

#include <vector>

namespace knockd {

using Program = std::vector<bpf_insn>;

// Throws when `value` is no Uint8Array of whole instructions.
Program ReadProgram(Napi::Env env, const Napi::Value& value);

// Gives a socket the filter; the link type is that of its handle. nullptr, or why not.
const char* Attach(int fd, int link_type, Program program);

// The filter that a socket holds. False: errno says why not.
bool Attached(int fd, int link_type, Program* program);

Napi::Value Matches(const Napi::CallbackInfo& info);

}  // namespace knockd
