// The interfaces of this machine, their addresses and default routes, from rtnetlink(7).
#pragma once

#include <napi.h>

#include "descriptor.h"
#include "poll.h"

namespace knockd {

// snapshot(withRoutes: boolean): the interfaces of now. Shapes and errors are in src/platform/native.ts.
Napi::Value Snapshot(const Napi::CallbackInfo& info);

// Reports that something has changed, but not what: after an overrun of the socket, only a new snapshot is right.
class LinkWatch : public Napi::ObjectWrap<LinkWatch> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit LinkWatch(const Napi::CallbackInfo& info);

 private:
  void Close(const Napi::CallbackInfo& info);
  static void OnReadable(void* self);

  // The poll ends before the socket: members are destroyed in reverse order.
  Descriptor socket_;
  Poll poll_;
  Napi::FunctionReference on_change_;
};

}  // namespace knockd
