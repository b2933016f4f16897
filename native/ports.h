// The ports on which this host listens.
#pragma once

#include <napi.h>

namespace knockd {

// listeningPorts(): { tcp: number[], udp: number[] }, of both families. Throws an Error in the system's words.
Napi::Value ListeningPorts(const Napi::CallbackInfo& info);

}  // namespace knockd
