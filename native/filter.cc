#include "filter.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cstring>

#include "bytes.h"
#include "decode.h"

namespace knockd {
namespace {

// libpcap makes the header of a cooked frame itself. The kernel's filter sees the packet without it, from the network
// layer on, and the fields of the header at ancillary offsets (linux/filter.h). src/capture/bpf/filter.ts reads only
// the protocol.
struct Cooked {
  uint32_t header, protocol;
};

const Cooked* CookedAs(int link_type) {
  static constexpr Cooked kVersion1{16, 14}, kVersion2{20, 0};
  return link_type == kLinkLinuxSll ? &kVersion1 : link_type == kLinkLinuxSll2 ? &kVersion2 : nullptr;
}

bool LoadsPacket(const bpf_insn& instruction) {
  const int load = BPF_CLASS(instruction.code), mode = BPF_MODE(instruction.code);
  return (load == BPF_LD || load == BPF_LDX) && (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH);
}

constexpr uint32_t kAncillary = static_cast<uint32_t>(SKF_AD_OFF);

// Converts offsets in libpcap's frames to those in the kernel. False if the kernel has no such offset.
bool ToKernel(int link_type, Program* program) {
  const Cooked* cooked = CookedAs(link_type);
  if (cooked == nullptr) return true;
  for (bpf_insn& one : *program) {
    if (!LoadsPacket(one) || one.k >= kAncillary) continue;
    if (one.k >= cooked->header) {
      one.k -= cooked->header;
    } else if (one.k == cooked->protocol) {
      one.k = kAncillary + SKF_AD_PROTOCOL;
    } else {
      return false;
    }
  }
  return true;
}

void FromKernel(int link_type, Program* program) {
  const Cooked* cooked = CookedAs(link_type);
  if (cooked == nullptr) return;
  for (bpf_insn& one : *program) {
    if (!LoadsPacket(one)) continue;
    if (one.k == kAncillary + SKF_AD_PROTOCOL) {
      one.k = cooked->protocol;
    } else if (one.k < kAncillary) {
      one.k += cooked->header;
    }
  }
}

}  // namespace

Program ReadProgram(Napi::Env env, const Napi::Value& value) {
  static_assert(sizeof(bpf_insn) == 8, "src/capture/bpf/assembler.ts writes eight bytes an instruction");
  if (!IsBytes(value)) throw Napi::TypeError::New(env, "a filter is a Uint8Array");
  const auto bytes = value.As<Napi::Uint8Array>();
  if (bytes.ByteLength() == 0 || bytes.ByteLength() % sizeof(bpf_insn) != 0) {
    throw Napi::TypeError::New(env, "a filter is a whole number of instructions, at least one");
  }
  Program program(bytes.ByteLength() / sizeof(bpf_insn));
  memcpy(program.data(), bytes.Data(), bytes.ByteLength());
  return program;
}

const char* Attach(int fd, int link_type, Program program) {
  // Not pcap_setfilter: it drops all packets for a moment while it changes a filter. If the kernel refuses a program
  // (more than 4,096 instructions), it silently filters in user space. The kernel itself swaps filters in one step.
  if (!bpf_validate(program.data(), static_cast<int>(program.size()))) return "not a valid filter";
  if (!ToKernel(link_type, &program)) return "the filter reads what a cooked frame does not have";
  static_assert(sizeof(bpf_insn) == sizeof(sock_filter), "one and the same, by two names");
  const sock_fprog filter{static_cast<uint16_t>(program.size()), reinterpret_cast<sock_filter*>(program.data())};
  const bool attached =
      program.size() <= UINT16_MAX && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
  return attached ? nullptr : "the kernel did not take the packet filter";
}

bool Attached(int fd, int link_type, Program* program) {
  socklen_t held = 0;  // instructions, not bytes
  if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &held) != 0) return false;
  program->resize(held);
  if (held > 0 && getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, program->data(), &held) != 0) return false;
  FromKernel(link_type, program);
  return true;
}

Napi::Value Matches(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Program instructions = ReadProgram(env, info[0]);
  if (!IsBytes(info[1])) throw Napi::TypeError::New(env, "a frame is a Uint8Array");
  const auto frame = info[1].As<Napi::Uint8Array>();
  if (!bpf_validate(instructions.data(), static_cast<int>(instructions.size()))) {
    throw Napi::Error::New(env, "not a valid filter");
  }
  const bpf_program program{static_cast<u_int>(instructions.size()), instructions.data()};
  pcap_pkthdr header{};
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.ByteLength());
  return Napi::Boolean::New(env, pcap_offline_filter(&program, &header, frame.Data()) != 0);
}

}  // namespace knockd
