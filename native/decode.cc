#include "decode.h"

namespace knockd {
namespace {

constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEtherIpv6 = 0x86dd;
constexpr int kMostVlanTags = 3;    // a priority tag (VLAN 0) around QinQ; src/capture/bpf/filter.ts walks as many
constexpr int kMostExtensions = 6;  // RFC 8200 4.1 recommends an order of six; src/capture/bpf/filter.ts walks as many

uint16_t Read16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
uint32_t Read32(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 |
         p[3];
}

// The bytes that are left to read. Each header calls Has() once for its whole fixed part before it reads.
struct Rest {
  const uint8_t* at;
  size_t length;
  bool Has(size_t n) const { return length >= n; }
  void Skip(size_t n) {
    at += n;
    length -= n;
  }
  // Bytes after the end that the IP header gives are link-layer padding.
  void CutTo(size_t n) {
    if (n < length) length = n;
  }
};

bool DecodeTransport(Rest rest, uint8_t protocol, Record* out) {
  out->protocol = protocol;
  out->reserved = 0;
  if (protocol == 6) {  // RFC 9293 3.1
    if (!rest.Has(20) || (rest.at[12] >> 4) < 5) return false;
    out->flags = rest.at[13] & 0x3f;
    out->sequence = Read32(rest.at + 4);
  } else if (protocol == 17) {  // RFC 768
    if (!rest.Has(8)) return false;
    out->flags = 0;
    out->sequence = 0;
  } else {
    return false;
  }
  out->source_port = Read16(rest.at);
  out->port = Read16(rest.at + 2);
  return true;
}

void MapIpv4(const uint8_t* address, uint32_t words[4]) {
  words[0] = words[1] = 0;
  words[2] = 0xffff;
  words[3] = Read32(address);
}

bool IsMapped(const uint32_t words[4]) { return words[0] == 0 && words[1] == 0 && words[2] == 0xffff; }

bool DecodeIpv4(Rest rest, Record* out) {  // RFC 791 3.1
  if (!rest.Has(20) || rest.at[0] >> 4 != 4) return false;
  const size_t header = (rest.at[0] & 0x0f) * 4u;
  const size_t total = Read16(rest.at + 2);
  if (header < 20 || total < header || !rest.Has(header)) return false;
  if ((Read16(rest.at + 6) & 0x1fff) != 0) return false;  // a later fragment: its first bytes are no ports
  const uint8_t protocol = rest.at[9];
  out->ttl = rest.at[8];
  MapIpv4(rest.at + 12, out->source);
  MapIpv4(rest.at + 16, out->destination);
  rest.CutTo(total);
  rest.Skip(header);
  return DecodeTransport(rest, protocol, out);
}

bool DecodeIpv6(Rest rest, Record* out) {  // RFC 8200 3
  if (!rest.Has(40) || rest.at[0] >> 4 != 6) return false;
  const size_t payload = Read16(rest.at + 4);
  uint8_t next = rest.at[6];
  out->ttl = rest.at[7];
  for (int i = 0; i < 4; i++) {
    out->source[i] = Read32(rest.at + 8 + 4 * i);
    out->destination[i] = Read32(rest.at + 24 + 4 * i);
  }
  // A mapped address (RFC 4291 2.5.5.2) is never on the wire. A forged one would count as an IPv4 client, or as an IPv4
  // address of ours.
  if (IsMapped(out->source) || IsMapped(out->destination)) return false;
  rest.Skip(40);
  if (payload != 0) rest.CutTo(payload);  // 0: a jumbogram (RFC 2675), which names its length in an option
  for (int i = 0;; i++) {
    if (next == 6 || next == 17) return DecodeTransport(rest, next, out);
    if (i == kMostExtensions || !rest.Has(8)) return false;
    size_t length;
    switch (next) {
      case 0:    // hop-by-hop options
      case 43:   // routing
      case 60:   // destination options
      case 135:  // mobility (RFC 6275)
        length = (rest.at[1] + 1u) * 8;
        break;
      case 44:                                                  // fragment
        if ((Read16(rest.at + 2) & 0xfff8) != 0) return false;  // a later one
        length = 8;
        break;
      case 51:  // authentication (RFC 4302 2.2)
        length = (rest.at[1] + 2u) * 4;
        break;
      default:
        return false;
    }
    if (!rest.Has(length)) return false;
    next = rest.at[0];
    rest.Skip(length);
  }
}

bool DecodeEtherType(Rest rest, uint16_t type, Record* out) {
  // libpcap restores a tag that the network card has removed, so there are tags here that the kernel's filter missed.
  for (int tags = 0; tags < kMostVlanTags && (type == 0x8100 || type == 0x88a8 || type == 0x9100); tags++) {
    if (!rest.Has(4)) return false;
    type = Read16(rest.at + 2);
    rest.Skip(4);
  }
  if (type == kEtherIpv4) return DecodeIpv4(rest, out);
  if (type == kEtherIpv6) return DecodeIpv6(rest, out);
  return false;
}

bool DecodeRaw(Rest rest, Record* out) {
  if (!rest.Has(1)) return false;
  return rest.at[0] >> 4 == 6 ? DecodeIpv6(rest, out) : DecodeIpv4(rest, out);
}

}  // namespace

bool Decode(const uint8_t* bytes, size_t length, int link_type, Record* out) {
  Rest rest{bytes, length};
  uint16_t type;
  switch (link_type) {
    case kLinkEthernet:
      if (!rest.Has(14)) return false;
      type = Read16(rest.at + 12);
      rest.Skip(14);
      return DecodeEtherType(rest, type, out);
    case kLinkLinuxSll:
      if (!rest.Has(16)) return false;
      type = Read16(rest.at + 14);
      rest.Skip(16);
      return DecodeEtherType(rest, type, out);
    case kLinkLinuxSll2:
      if (!rest.Has(20)) return false;
      type = Read16(rest.at);
      rest.Skip(20);
      return DecodeEtherType(rest, type, out);
    case kLinkNull:
    case kLinkLoop:  // four bytes of address family, in the byte order of the writer; the IP version says as much
      if (!rest.Has(4)) return false;
      rest.Skip(4);
      return DecodeRaw(rest, out);
    case kLinkRaw:
    case kLinkRawFile:
      return DecodeRaw(rest, out);
    default:
      return false;
  }
}

}  // namespace knockd
