#include "capture.h"

#include <cerrno>
#include <cstring>

#include "bytes.h"
#include "callback.h"
#include "decode.h"
#include "encapsulation.h"
#include "expected_knock.h"
#include "filter.h"

namespace knockd {
namespace {

// What read() returns instead of a number of records.
constexpr int kNoneWaits = -1;
constexpr int kInterfaceDown = -2;

constexpr int kMaxMilliseconds = 999;

// The progress of one read(). The callback may touch nothing else.
struct Batch {
  Record* records;
  size_t count;
  int link_type;
  bool (*decode)(const uint8_t*, size_t, int, Record*);
};

void OnFrame(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
  Batch* batch = reinterpret_cast<Batch*>(user);
  Record* record = &batch->records[batch->count];
  if (!batch->decode(bytes, header->caplen, batch->link_type, record)) return;
  record->length = header->len;
  record->time = static_cast<double>(header->ts.tv_sec) + static_cast<double>(header->ts.tv_usec) / 1e6;
  batch->count++;
}

}  // namespace

Napi::Function Capture::Define(Napi::Env env) {
  return DefineClass(
      env, "Capture",
      {InstanceAccessor<&Capture::LinkType>("linkType"), InstanceMethod<&Capture::SetFilter>("setFilter"),
       InstanceMethod<&Capture::Start>("start"), InstanceMethod<&Capture::Stop>("stop"),
       InstanceMethod<&Capture::Read>("read"), InstanceAccessor<&Capture::LinkTypeName>("linkTypeName"),
       InstanceAccessor<&Capture::FramesRead>("framesRead"), InstanceMethod<&Capture::Stats>("stats"),
       InstanceMethod<&Capture::HeldFilter>("heldFilter"), InstanceMethod<&Capture::Close>("close"),
       StaticMethod<&Matches>("matches")});
}

Capture::Capture(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Capture>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "Capture takes an object");
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Value savefile = options.Get("savefile"), device = options.Get("device");
  const Napi::Value snap_length = options.Get("snapLength"), buffer_size = options.Get("bufferSize");
  live_ = !savefile.IsString();
  if (live_ && !(device.IsString() && snap_length.IsNumber() && buffer_size.IsNumber())) {
    throw Napi::TypeError::New(env, "Capture takes { device, snapLength, bufferSize } or { savefile }");
  }
  try {
    if (live_) {
      handle_ = OpenLive({device.ToString().Utf8Value(), snap_length.ToNumber().Int32Value(),
                          buffer_size.ToNumber().Int32Value(), options.Get("stampArrival").ToBoolean().Value()});
      if (!timer_.Open()) throw PcapError{strerror(errno)};
    } else {
      handle_ = OpenSavefile(savefile.ToString().Utf8Value());
    }
  } catch (const PcapError& error) {
    throw Napi::Error::New(env, error.text);
  }
}

Capture::~Capture() { StopPolling(); }

pcap_t* Capture::Open(Napi::Env env) const {
  if (!handle_) throw Napi::Error::New(env, "capture is closed");
  return handle_.get();
}

Napi::Value Capture::LinkType(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), pcap_datalink(Open(info.Env())));
}

Napi::Value Capture::LinkTypeName(const Napi::CallbackInfo& info) {
  const char* name = pcap_datalink_val_to_description(pcap_datalink(Open(info.Env())));
  return Napi::String::New(info.Env(), name == nullptr ? "" : name);
}

Napi::Value Capture::FramesRead(const Napi::CallbackInfo& info) {
  Open(info.Env());
  return Napi::Number::New(info.Env(), frames_read_);
}

void Capture::SetFilter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  pcap_t* handle = Open(env);
  Program instructions = ReadProgram(env, info[0]);
  if (!live_) {
    bpf_program program{static_cast<u_int>(instructions.size()), instructions.data()};
    if (pcap_setfilter(handle, &program) != 0) throw Napi::Error::New(env, pcap_geterr(handle));
    savefile_filter_ = instructions;
    return;
  }
  const char* why = Attach(pcap_fileno(handle), pcap_datalink(handle), instructions);
  if (why != nullptr) throw Napi::Error::New(env, why);
}

Napi::Value Capture::HeldFilter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  pcap_t* handle = Open(env);
  Program program = savefile_filter_;
  if (live_ && !Attached(pcap_fileno(handle), pcap_datalink(handle), &program)) {
    throw Napi::Error::New(env, strerror(errno));
  }
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, program.size() * sizeof(bpf_insn));
  if (!program.empty()) memcpy(bytes.Data(), program.data(), bytes.ByteLength());
  return bytes;
}

void Capture::Start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  pcap_t* handle = Open(env);
  if (!live_) throw Napi::Error::New(env, "a savefile is always readable");
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "start takes a function");
  const bool timed = info[1].IsNumber();
  const int every = timed ? info[1].ToNumber().Int32Value() : 0;
  if (timed && (every < 1 || every > kMaxMilliseconds)) throw Napi::RangeError::New(env, "no such period");
  if (poll_.IsOpen()) throw Napi::Error::New(env, "capture is already started");
  const int fd = timed ? timer_.descriptor() : pcap_get_selectable_fd(handle);
  const int status = poll_.Open(EventLoop(env), fd, this, OnReadable);
  if (status != 0) throw Napi::Error::New(env, uv_strerror(status));
  timed_ = timed;
  if (timed) timer_.Set(every);
  on_readable_ = Napi::Persistent(info[0].As<Napi::Function>());
  Ref();  // an object that is being polled must not be collected
}

void Capture::Stop(const Napi::CallbackInfo& info) {
  Open(info.Env());
  if (!poll_.IsOpen()) return;
  StopPolling();
  Unref();
}

void Capture::StopPolling() {
  if (!poll_.IsOpen()) return;
  poll_.Close();
  if (timed_) timer_.Set(0);
  on_readable_.Reset();
}

// Also when the interface went down or away: the read() that follows takes the error off the socket, so that it comes
// once, or throws it.
void Capture::OnReadable(void* pointer) {
  Capture* self = static_cast<Capture*>(pointer);
  const Napi::HandleScope scope(self->Env());
  if (self->timed_) self->timer_.Clear();
  if (TheExpectedKnock().IsAwaited()) self->ReadEarly();
  // A copy, because the function may stop or close this capture, and so drop the reference through which it is called.
  const Napi::Function on_readable = self->on_readable_.Value();
  CallBack(self->Value(), on_readable);
}

// Reads one packet before JavaScript asks for it, because it may open a door. The next read() returns it.
void Capture::ReadEarly() {
  pcap_t* handle = handle_.get();
  Batch batch{&early_, 0, pcap_datalink(handle), Decode};
  const int frames = pcap_dispatch(handle, 1, OnFrame, reinterpret_cast<u_char*>(&batch));
  if (frames < 0) failure_ = pcap_geterr(handle);
  if (frames > 0) frames_read_ += frames;
  has_early_ = batch.count > 0;
  if (has_early_) TheExpectedKnock().Meet(early_);
}

Napi::Value Capture::Read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  pcap_t* handle = Open(env);
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(env, "read takes an ArrayBuffer");
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  const size_t most = buffer.ByteLength() / sizeof(Record);
  if (most == 0) throw Napi::RangeError::New(env, "the buffer holds no record");
  Batch batch{static_cast<Record*>(buffer.Data()), 0, pcap_datalink(handle), live_ ? Decode : DecodeSaved};
  if (has_early_) {
    has_early_ = false;
    batch.records[0] = early_;
    return Napi::Number::New(env, 1);
  }
  if (failure_.empty()) {
    const int frames = pcap_dispatch(handle, static_cast<int>(most), OnFrame, reinterpret_cast<u_char*>(&batch));
    if (frames < 0) failure_ = pcap_geterr(handle);
    if (frames > 0) frames_read_ += frames;
    if (frames > 0 || batch.count > 0) return Napi::Number::New(env, static_cast<int>(batch.count));
  }
  if (!failure_.empty()) throw Napi::Error::New(env, failure_);
  // libpcap has seen ENETDOWN, and must be asked again: the socket does not tell whether the interface is removed.
  const bool down = pcap_get_required_select_timeout(handle) != nullptr;
  return Napi::Number::New(env, down ? kInterfaceDown : kNoneWaits);
}

Napi::Value Capture::Stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  pcap_t* handle = Open(env);
  pcap_stat stat{};
  if (pcap_stats(handle, &stat) != 0) throw Napi::Error::New(env, pcap_geterr(handle));
  Napi::Object result = Napi::Object::New(env);
  result["received"] = Napi::Number::New(env, stat.ps_recv);
  result["dropped"] = Napi::Number::New(env, stat.ps_drop);
  result["read"] = Napi::Number::New(env, frames_read_);
  return result;
}

void Capture::Close(const Napi::CallbackInfo&) {
  if (poll_.IsOpen()) {
    StopPolling();
    Unref();
  }
  timer_.Close();
  handle_.reset();
}

}  // namespace knockd
