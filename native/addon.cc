// What JavaScript sees of the native side, and nothing else. Declared and documented in src/platform/native.ts.
#include <napi.h>

#include "bytes.h"
#include "capture.h"
#include "command.h"
#include "decode.h"
#include "lock.h"
#include "lockdown.h"
#include "memory.h"
#include "netlink_links.h"
#include "nft.h"
#include "nft_watch.h"
#include "notify.h"
#include "peek.h"
#include "ports.h"
#include "process.h"
#include "syslog.h"

namespace {

// decode(frame: Uint8Array, linkType: number, record: ArrayBuffer): boolean, for tests and self-tests.
Napi::Value DecodeOne(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!knockd::IsBytes(info[0]) || !info[1].IsNumber() || !info[2].IsArrayBuffer()) {
    throw Napi::TypeError::New(env, "decode takes a Uint8Array, a link type and an ArrayBuffer");
  }
  const auto frame = info[0].As<Napi::Uint8Array>();
  auto record = info[2].As<Napi::ArrayBuffer>();
  if (record.ByteLength() < sizeof(knockd::Record)) throw Napi::RangeError::New(env, "the buffer holds no record");
  return Napi::Boolean::New(env, knockd::Decode(frame.Data(), frame.ByteLength(), info[1].ToNumber().Int32Value(),
                                                static_cast<knockd::Record*>(record.Data())));
}

}  // namespace

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  knockd::KeepBuffersApart();
  exports["Capture"] = knockd::Capture::Define(env);
  exports["decode"] = Napi::Function::New<DecodeOne>(env, "decode");
  exports["LinkWatch"] = knockd::LinkWatch::Define(env);
  exports["snapshot"] = Napi::Function::New<knockd::Snapshot>(env, "snapshot");
  exports["NftSocket"] = knockd::NftSocket::Define(env);
  exports["NftWatch"] = knockd::NftWatch::Define(env);
  exports["listeningPorts"] = Napi::Function::New<knockd::ListeningPorts>(env, "listeningPorts");
  exports["lock"] = Napi::Function::New<knockd::Lock>(env, "lock");
  exports["syslog"] = Napi::Function::New<knockd::WriteSyslog>(env, "syslog");
  exports["notify"] = Napi::Function::New<knockd::Notify>(env, "notify");
  exports["peek"] = Napi::Function::New<knockd::Peek>(env, "peek");
  exports["releaseUnusedMemory"] = Napi::Function::New<knockd::ReleaseUnusedMemory>(env, "releaseUnusedMemory");
  exports["zeroAndRelease"] = Napi::Function::New<knockd::ZeroAndRelease>(env, "zeroAndRelease");
  exports["nameProcess"] = Napi::Function::New<knockd::NameProcess>(env, "nameProcess");
  exports["detach"] = Napi::Function::New<knockd::Detach>(env, "detach");
  if (knockd::CanRunCommand()) exports["runCommand"] = Napi::Function::New<knockd::RunCommand>(env, "runCommand");
  exports["lockDown"] = Napi::Function::New<knockd::LockDown>(env, "lockDown");
  exports["isClockSet"] = Napi::Function::New<knockd::IsClockSet>(env, "isClockSet");
  exports["exitNow"] = Napi::Function::New<knockd::ExitNow>(env, "exitNow");
  return exports;
}

NODE_API_MODULE(knockd, Init)
