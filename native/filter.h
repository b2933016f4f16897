// Converts a packet filter between JavaScript's bytes, libpcap's frames and the kernel's.
#pragma once

#include <napi.h>
#include <pcap/pcap.h>

#include <vector>

namespace knockd {

using Program = std::vector<bpf_insn>;

// Throws if `value` is no Uint8Array of whole instructions.
Program ReadProgram(Napi::Env env, const Napi::Value& value);

// Gives a socket the filter. The link type is that of its handle. Returns nullptr, or the reason if it fails.
const char* Attach(int fd, int link_type, Program program);

// Gets the filter of a socket. If it fails, returns false and sets errno.
bool Attached(int fd, int link_type, Program* program);

Napi::Value Matches(const Napi::CallbackInfo& info);

}  // namespace knockd
