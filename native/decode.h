// Decodes the bytes of one captured frame into the few fields of a knock, or finds that it is no knock.
// Pure C++: no libpcap, no Node, no allocation, so that it can be tested and fuzzed alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace knockd {

// Link types as libpcap's DLT_ numbers (https://www.tcpdump.org/linktypes.html); RAW is 12 from a live handle.
enum LinkType : int {
  kLinkNull = 0,
  kLinkEthernet = 1,
  kLinkRaw = 12,
  kLinkRawFile = 101,
  kLinkLoop = 108,
  kLinkLinuxSll = 113,
  kLinkLinuxSll2 = 276,
};

// The layout is read by src/capture/records.ts, which names the same offsets.
// Addresses are four 32-bit words in host order, most significant first; IPv4 is mapped (0, 0, 0xffff, address).
struct Record {
  uint32_t source[4];
  uint32_t destination[4];
  uint16_t source_port;
  uint16_t port;
  uint8_t protocol;  // 6 or 17
  uint8_t flags;     // TCP: fin 1, syn 2, rst 4, psh 8, ack 16, urg 32; ECE and CWR are left out: RFC 3168 flips them
  uint8_t ttl;       // IPv4's TTL, IPv6's hop limit
  uint8_t reserved;
  uint32_t sequence;  // TCP sequence number
  uint32_t length;    // of the frame on the wire, in bytes; decode() leaves it to the caller
  double time;        // of capture, seconds since 1970; decode() leaves it to the caller
};
static_assert(sizeof(Record) == 56, "src/capture/records.ts counts on this");

// Returns true and fills *out if `bytes` hold a whole TCP or UDP header over IPv4 or IPv6. `length` is the number of
// captured bytes. Anything else is not a knock, such as a later fragment, an unknown header or one byte too few: then
// it returns false, and *out is undefined.
bool Decode(const uint8_t* bytes, size_t length, int link_type, Record* out);

}  // namespace knockd
