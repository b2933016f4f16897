// The interfaces of this machine, their addresses and default routes, as rtnetlink(7) tells them.
#pragma once

#include <napi.h>
#include <uv.h>

namespace knockd {

// snapshot(withRoutes: boolean): what is there now. Shapes and errors are in src/platform/native.ts.
Napi::Value Snapshot(const Napi::CallbackInfo& info);

// Says that something has changed, never what: after an overrun of the socket only a new snapshot tells the truth.
class LinkWatch : public Napi::ObjectWrap<LinkWatch> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit LinkWatch(const Napi::CallbackInfo& info);
  ~LinkWatch() override;

 private:
  void Close(const Napi::CallbackInfo& info);
  void StopPolling();
  static void OnPoll(uv_poll_t* poll, int status, int events);

  int socket_ = -1;
  uv_poll_t* poll_ = nullptr;  // libuv's until its close callback deletes it, and the socket with it
  Napi::FunctionReference on_change_;
};

}  // namespace knockd
