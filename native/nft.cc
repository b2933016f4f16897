#include "nft.h"

#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "bytes.h"
#include "callback.h"
#include "expected_knock.h"
#include "netlink.h"

namespace knockd {
namespace {

// The kernel sends at most 32 KiB at once in a dump.
constexpr size_t kBufferSize = 65536;
// The send buffer. After a flush, a batch may have tens of thousands of elements, more than fits by default.
constexpr size_t kDefaultSendRoom = 65536;
// As in LinkWatch: other sockets must get their turn, even during many changes.
constexpr int kMostReads = 64;

Descriptor OpenNftables(Napi::Env env, unsigned groups) {
  try {
    return OpenNetlink(NETLINK_NETFILTER, groups);
  } catch (const NetlinkError& error) {
    throw Napi::Error::New(env, error.Text());
  }
}

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

// Drops datagrams that cannot mean that a table is gone: those with a single message that is a new element (one at each
// opening) or a new generation (one at each change). Otherwise each of our own openings would wake us. This runs when
// the kernel queues the datagram. nlmsghdr has this machine's byte order, and BPF loads big endian.
bool DropNewElements(int fd) {
  constexpr uint32_t kNewElement = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM;
  constexpr uint32_t kNewGeneration = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN;
  constexpr bool kLittle = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  constexpr uint32_t kLengthLow = kLittle ? 0 : 3, kLengthHigh = kLittle ? 1 : 2;
  constexpr uint32_t kTypeLow = kLittle ? 4 : 5, kTypeHigh = kLittle ? 5 : 4;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kTypeHigh),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kTypeLow),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNewElement, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNewGeneration, 0, 8),
      // Is it the only message? Then its length, of 16 bits, is that of the datagram.
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kLengthHigh),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kLengthLow),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(sizeof code / sizeof code[0]), code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace

Napi::Function NftSocket::Define(Napi::Env env) {
  return DefineClass(
      env, "NftSocket",
      {InstanceAccessor<&NftSocket::Port>("port"), InstanceMethod<&NftSocket::Transact>("transact"),
       InstanceMethod<&NftSocket::Expect>("expect"), InstanceMethod<&NftSocket::TakeExpected>("takeExpected"),
       InstanceMethod<&NftSocket::Ask>("ask"), InstanceMethod<&NftSocket::Close>("close")});
}

NftSocket::NftSocket(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NftSocket>(info), socket_(OpenNftables(info.Env(), 0)), send_room_(kDefaultSendRoom) {
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

Napi::Function NftWatch::Define(Napi::Env env) {
  return DefineClass(env, "NftWatch", {InstanceMethod<&NftWatch::Close>("close")});
}

NftWatch::NftWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NftWatch>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "NftWatch takes a function");
  socket_ = OpenNftables(env, 1u << (NFNLGRP_NFTABLES - 1));
  if (!DropNewElements(socket_.Get())) throw Napi::Error::New(env, strerror(errno));
  const int status = poll_.Open(EventLoop(env), socket_.Get(), this, OnReadable);
  if (status != 0) throw Napi::Error::New(env, uv_strerror(status));
  on_change_ = Napi::Persistent(info[0].As<Napi::Function>());
  Ref();  // what is being polled must not be collected
}

void NftWatch::Close(const Napi::CallbackInfo&) {
  if (!poll_.IsOpen()) return;
  poll_.Close();
  socket_.Reset();
  on_change_.Reset();
  Unref();
}

void NftWatch::OnReadable(void* pointer) {
  NftWatch* self = static_cast<NftWatch*>(pointer);
  const Napi::Env env = self->Env();
  const Napi::HandleScope scope(env);
  std::vector<uint8_t> buffer(kBufferSize);
  for (int reads = 0; reads < kMostReads && self->poll_.IsOpen(); reads++) {
    const ssize_t got = recv(self->socket_.Get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ENOBUFS) return;
    // An empty array says that messages were lost.
    const auto change = Napi::Buffer<uint8_t>::Copy(env, buffer.data(), got < 0 ? 0 : static_cast<size_t>(got));
    const Napi::Function on_change = self->on_change_.Value();
    CallBack(self->Value(), on_change, {change});
  }
}

}  // namespace knockd
