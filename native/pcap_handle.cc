#include "pcap_handle.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "process.h"

namespace knockd {

PcapHandle OpenLive(const LiveOptions& options) {
  char error[PCAP_ERRBUF_SIZE] = "";
  PcapHandle opened(pcap_create(options.device.c_str(), error));
  if (!opened) throw PcapError{error};
  pcap_t* handle = opened.get();
  pcap_set_snaplen(handle, options.snap_length);
  pcap_set_promisc(handle, 0);
  pcap_set_immediate_mode(handle, 1);  // 0.8 waits for a buffer timeout of 50 ms
  pcap_set_buffer_size(handle, options.buffer_size);
  const int status = pcap_activate(handle);  // above 0: a warning, the capture is open
  CloseOnExec();
  if (status < 0) {
    const std::string detail = pcap_geterr(handle);
    const std::string why = pcap_statustostr(status);
    if (detail.empty()) throw PcapError{why};
    throw PcapError{status == PCAP_ERROR ? detail : options.device + ": " + why + " (" + detail + ")"};
  }
  if (pcap_setnonblock(handle, 1, error) != 0) throw PcapError{error};
  // The ring stamps a packet when it enters the ring. With this option, the stamp is the time of arrival (socket(7)).
  const int on = 1;
  if (options.stamp_arrival && setsockopt(pcap_fileno(handle), SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) != 0) {
    throw PcapError{strerror(errno)};
  }
  return opened;
}

PcapHandle OpenSavefile(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE] = "";
  PcapHandle opened(pcap_open_offline(path.c_str(), error));
  CloseOnExec();
  if (!opened) throw PcapError{error};
  return opened;
}

}  // namespace knockd
