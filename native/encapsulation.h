// Frames that only capture files contain: PPP, PPPoE, and IP of one version. A live handle never gives them to
// Decode(), because the kernel's filter (src/capture/bpf/filter.ts) does not pass them. Pure C++, like decode.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode.h"

namespace knockd {

// More link types, which only savefiles have.
enum SavefileLinkType : int {
  kLinkPpp = 9,             // RFC 1661, with or without RFC 1662's address and control bytes
  kLinkPppHdlc = 50,        // the same with them
  kLinkPppEther = 51,       // a PPPoE session (RFC 2516 4) from its header on
  kLinkPppDirection = 204,  // one byte of direction before PPP
  kLinkIpv4 = 228,
  kLinkIpv6 = 229,
};

// As Decode(), for a frame of a savefile of any of the link types in both lists. Ethernet and cooked frames may hold a
// PPPoE session too, behind VLAN tags.
bool DecodeSaved(const uint8_t* bytes, size_t length, int link_type, Record* out);

}  // namespace knockd
