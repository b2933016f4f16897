#include "nft_watch.h"

#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "callback.h"
#include "nft.h"

namespace knockd {
namespace {

// The kernel sends at most 32 KiB at once.
constexpr size_t kBufferSize = 65536;
// As in LinkWatch: other sockets must get their turn, even during many changes.
constexpr int kMostReads = 64;

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
