#include "encapsulation.h"

namespace knockd {
namespace {

constexpr uint16_t kEtherPppoeSession = 0x8864;
constexpr int kMostVlanTags = 3;  // as decode.cc
constexpr size_t kPppoeHeader = 6;

uint16_t Read16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }

bool DecodePpp(const uint8_t* at, size_t length, Record* out) {
  if (length >= 2 && at[0] == 0xff && at[1] == 0x03) {  // RFC 1662 3.1: all stations, unnumbered information
    at += 2;
    length -= 2;
  }
  if (length < 2) return false;
  // RFC 1661 2: the last byte of a protocol is odd, all before it are even; a compressed one has one byte.
  const size_t size = (at[0] & 1) != 0 ? 1 : 2;
  const uint16_t protocol = size == 1 ? at[0] : Read16(at);
  at += size;
  length -= size;
  if (protocol == 0x0021) return Decode(at, length, kLinkRaw, out) && at[0] >> 4 == 4;  // RFC 1332 4
  if (protocol == 0x0057) return Decode(at, length, kLinkRaw, out) && at[0] >> 4 == 6;  // RFC 5072 2
  return false;
}

bool DecodePppoe(const uint8_t* at, size_t length, Record* out) {
  if (length < kPppoeHeader || at[0] != 0x11 || at[1] != 0x00) return false;  // RFC 2516 4: version 1, type 1, session
  const size_t payload = Read16(at + 4);
  const size_t rest = length - kPppoeHeader;
  return DecodePpp(at + kPppoeHeader, payload < rest ? payload : rest, out);
}

// Where the payload of a PPPoE session begins in a frame with an ethertype; 0 when it holds none.
size_t FindPppoe(const uint8_t* bytes, size_t length, int link_type) {
  size_t type_at, at;
  switch (link_type) {
    case kLinkEthernet:
      type_at = 12, at = 14;
      break;
    case kLinkLinuxSll:
      type_at = 14, at = 16;
      break;
    case kLinkLinuxSll2:
      type_at = 0, at = 20;
      break;
    default:
      return 0;
  }
  for (int tags = 0; length >= at; tags++) {
    const uint16_t type = Read16(bytes + type_at);
    if (type == kEtherPppoeSession) return at;
    if (tags == kMostVlanTags || (type != 0x8100 && type != 0x88a8 && type != 0x9100)) return 0;
    type_at = at + 2;
    at += 4;
  }
  return 0;
}

}  // namespace

bool DecodeSaved(const uint8_t* bytes, size_t length, int link_type, Record* out) {
  switch (link_type) {
    case kLinkPpp:
    case kLinkPppHdlc:
      return DecodePpp(bytes, length, out);
    case kLinkPppDirection:
      return length >= 1 && DecodePpp(bytes + 1, length - 1, out);
    case kLinkPppEther:
      return DecodePppoe(bytes, length, out);
    case kLinkIpv4:
    case kLinkIpv6:
      return Decode(bytes, length, kLinkRaw, out) && bytes[0] >> 4 == (link_type == kLinkIpv4 ? 4 : 6);
    default:
      break;
  }
  const size_t pppoe = FindPppoe(bytes, length, link_type);
  if (pppoe != 0) return DecodePppoe(bytes + pppoe, length - pppoe, out);
  return Decode(bytes, length, link_type, out);
}

}  // namespace knockd
