// One libpcap handle: a live interface or a savefile. What each call does, takes and throws is in
// src/platform/native.ts.
#pragma once

#include <napi.h>
#include <pcap/pcap.h>

#include <string>

#include "decode.h"
#include "filter.h"
#include "pcap_handle.h"
#include "poll.h"
#include "timer.h"

namespace knockd {

class Capture : public Napi::ObjectWrap<Capture> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Capture(const Napi::CallbackInfo& info);
  ~Capture() override;

 private:
  Napi::Value LinkType(const Napi::CallbackInfo& info);
  Napi::Value LinkTypeName(const Napi::CallbackInfo& info);
  Napi::Value FramesRead(const Napi::CallbackInfo& info);
  void SetFilter(const Napi::CallbackInfo& info);
  Napi::Value HeldFilter(const Napi::CallbackInfo& info);
  void Start(const Napi::CallbackInfo& info);
  void Stop(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  pcap_t* Open(Napi::Env env) const;  // the handle, or throws "capture is closed"
  void StopPolling();
  static void OnReadable(void* self);
  void ReadEarly();

  // The poll ends before the descriptors that it polls: members are destroyed in reverse order.
  PcapHandle handle_;
  bool live_ = false;
  Program savefile_filter_;
  double frames_read_ = 0;
  std::string failure_;  // an error that the next read() throws, after the packets that came before it
  Record early_{};       // read before JavaScript asked (ReadEarly)
  bool has_early_ = false;
  Timer timer_;         // opened with the handle: in a flood, no descriptor may be left
  bool timed_ = false;  // the timer is polled instead of the handle
  Poll poll_;
  Napi::FunctionReference on_readable_;
};

}  // namespace knockd
