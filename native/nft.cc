#include "nft.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "bytes.h"
#include "expected_knock.h"
#include "netlink.h"

namespace knockd {
namespace {

// The kernel sends at most 32 KiB at once in a dump.
constexpr size_t kBufferSize = 65536;
// The send buffer. After a flush, a batch may have tens of thousands of elements, more than fits by default.
constexpr size_t kDefaultSendRoom = 65536;
// Calls `take` for each message until the kernel has no more. When sending a request returns, all its answers are
// there. Returns false if answers were lost because there was no room for them.
template <typename Take>
bool EachAnswer(int fd, uint8_t* buffer, size_t size, const Take& take) {
  bool whole = true;
  for (;;) {
    const ssize_t got = recv(fd, buffer, size, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      whole = false;
      continue;
    }
    if (got < 0) return whole;
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (!take(message)) return whole;
    }
  }
}

int ErrorOf(const nlmsghdr* message) { return -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error; }

}  // namespace

Descriptor OpenNftables(Napi::Env env, unsigned groups) {
  try {
    return OpenNetlink(NETLINK_NETFILTER, groups);
  } catch (const NetlinkError& error) {
    throw Napi::Error::New(env, error.Text());
  }
}

Napi::Function NftSocket::Define(Napi::Env env) {
  return DefineClass(
      env, "NftSocket",
      {InstanceAccessor<&NftSocket::Port>("port"), InstanceMethod<&NftSocket::Transact>("transact"),
       InstanceMethod<&NftSocket::Expect>("expect"), InstanceMethod<&NftSocket::TakeExpected>("takeExpected"),
       InstanceMethod<&NftSocket::Ask>("ask"), InstanceMethod<&NftSocket::Close>("close")});
}

NftSocket::NftSocket(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NftSocket>(info), socket_(OpenNftables(info.Env())), send_room_(kDefaultSendRoom) {
  // Otherwise an error message would contain the whole request.
  const int on = 1;
  setsockopt(socket_.Get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

Napi::Value NftSocket::Port(const Napi::CallbackInfo& info) {
  sockaddr_nl address{};
  socklen_t length = sizeof address;
  getsockname(socket_.Get(), reinterpret_cast<sockaddr*>(&address), &length);
  return Napi::Number::New(info.Env(), address.nl_pid);
}

bool NftSocket::Send(const uint8_t* data, size_t length) {
  if (length > send_room_ / 2) {
    const int room = static_cast<int>(length * 2 + kDefaultSendRoom);
    if (setsockopt(socket_.Get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) == 0) send_room_ = room;
  }
  ssize_t sent;
  do sent = send(socket_.Get(), data, length, 0);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

Napi::Value NftSocket::Transact(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!IsBytes(info[0])) throw Napi::TypeError::New(env, "transact takes a Uint8Array");
  const auto batch = info[0].As<Napi::Uint8Array>();
  return Napi::Number::New(env, Transact(batch.Data(), batch.ByteLength()));
}

int NftSocket::Transact(const uint8_t* batch, size_t length) {
  if (!Send(batch, length)) return errno;
  alignas(nlmsghdr) uint8_t buffer[8192];
  bool confirmed = false;
  int error = 0;
  const bool whole = EachAnswer(socket_.Get(), buffer, sizeof buffer, [&](const nlmsghdr* message) {
    if (message->nlmsg_type != NLMSG_ERROR) return true;
    const int code = ErrorOf(message);
    if (code == 0) confirmed = true;
    if (error == 0) error = code;
    return true;
  });
  if (error == 0 && !confirmed) error = whole ? EPROTO : ENOBUFS;
  return error;
}

void NftSocket::Expect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject() || !IsBytes(info[1])) {
    throw Napi::TypeError::New(env, "expect takes a knock and a Uint8Array");
  }
  const auto knock = info[0].As<Napi::Object>();
  const auto number = [](const Napi::Object& object, const char* key) { return object.Get(key).ToNumber(); };
  const auto read = [&](const char* key, uint32_t(&words)[4]) {
    const auto address = knock.Get(key).ToObject();
    for (const char* word : {"w0", "w1", "w2", "w3"}) words[word[1] - '0'] = number(address, word).Uint32Value();
  };
  Record record{};
  read("source", record.source);
  read("destination", record.destination);
  record.port = static_cast<uint16_t>(number(knock, "port").Uint32Value());
  record.protocol = static_cast<uint8_t>(number(knock, "protocol").Uint32Value());
  record.flags = static_cast<uint8_t>(number(knock, "flags").Uint32Value());
  const uint64_t now = uv_hrtime();
  const auto after = [&](const char* key) {
    return now + static_cast<uint64_t>(std::max(0.0, number(knock, key).DoubleValue()) * 1e6);
  };
  const auto batch = info[1].As<Napi::Uint8Array>();
  TheExpectedKnock().Expect(record, {after("soonest"), after("latest")}, this,
                            {batch.Data(), batch.Data() + batch.ByteLength()});
}

Napi::Value NftSocket::TakeExpected(const Napi::CallbackInfo& info) {
  const int result = TheExpectedKnock().Take(this);
  return result < 0 ? info.Env().Undefined() : Napi::Number::New(info.Env(), result);
}

Napi::Value NftSocket::Ask(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!IsBytes(info[0])) throw Napi::TypeError::New(env, "ask takes a Uint8Array");
  const auto request = info[0].As<Napi::Uint8Array>();
  if (!Send(request.Data(), request.ByteLength())) return Napi::Number::New(env, errno);
  std::vector<uint8_t> buffer(kBufferSize), all;
  bool done = false;
  int error = 0;
  const bool whole = EachAnswer(socket_.Get(), buffer.data(), buffer.size(), [&](const nlmsghdr* message) {
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) error = EINTR;
    if (message->nlmsg_type == NLMSG_ERROR && error == 0) error = ErrorOf(message);
    if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
      done = true;
      return false;
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(message);
    all.insert(all.end(), bytes, bytes + NLMSG_ALIGN(message->nlmsg_len));
    return true;
  });
  if (error == 0 && !done) error = whole ? EPROTO : ENOBUFS;
  if (error != 0) return Napi::Number::New(env, error);
  return Napi::Buffer<uint8_t>::Copy(env, all.data(), all.size());
}

void NftSocket::Close(const Napi::CallbackInfo&) {
  TheExpectedKnock().Take(this);
  socket_.Reset();
}

NftSocket::~NftSocket() { TheExpectedKnock().Take(this); }

}  // namespace knockd
