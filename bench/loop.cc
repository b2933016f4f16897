// The smallest libpcap program that counts knocks. It has no doors and no attempts, so no daemon can be faster. With
// COMMAND, it starts that for each SYN to PORT, as a daemon does at the last knock.
//   loop IFACE immediate|buffered FILTER [PORT COMMAND]
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>

namespace {

pcap_t* handle;
unsigned long long count;
int last_port = -1;
std::string command;

[[noreturn]] void Die(const char* why) {
  fprintf(stderr, "loop: %s\n", why);
  exit(1);
}

void RunFor(const u_char* source) {
  char address[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, source, address, sizeof address);
  std::string text = command;
  for (size_t at; (at = text.find("%IP%")) != std::string::npos;) text.replace(at, 4, address);
  char shell[] = "/bin/sh", option[] = "-c";
  char* argv[] = {shell, option, text.data(), nullptr};
  pid_t pid;
  if (posix_spawn(&pid, shell, nullptr, nullptr, argv, environ) != 0) Die("posix_spawn");
}

// The bench sends Ethernet frames with IPv4 or IPv6 without options.
void OnFrame(u_char*, const pcap_pkthdr* header, const u_char* bytes) {
  const unsigned ip = 14, tcp = ip + (bytes[ip] >> 4 == 6 ? 40 : 20);
  if (header->caplen < tcp + 20 || (bytes[tcp + 13] & 0x12) != 0x02) return;
  count++;
  if ((bytes[tcp + 2] << 8 | bytes[tcp + 3]) == last_port) RunFor(bytes + ip + 12);
}

void Check(int status) {
  if (status != 0) Die(pcap_geterr(handle));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) Die("usage: loop IFACE immediate|buffered FILTER [PORT COMMAND]");
  if (argc == 6) last_port = atoi(argv[4]), command = argv[5];
  char error[PCAP_ERRBUF_SIZE];
  handle = pcap_create(argv[1], error);
  if (!handle) Die(error);
  pcap_set_snaplen(handle, 256);
  pcap_set_buffer_size(handle, 8 << 20);
  pcap_set_timeout(handle, 50);
  pcap_set_immediate_mode(handle, strcmp(argv[2], "immediate") == 0);
  if (pcap_activate(handle) < 0) Die(pcap_geterr(handle));
  bpf_program program;
  Check(pcap_compile(handle, &program, argv[3], 1, PCAP_NETMASK_UNKNOWN));
  Check(pcap_setfilter(handle, &program));
  signal(SIGCHLD, SIG_IGN);  // nothing waits for the commands
  pcap_loop(handle, -1, OnFrame, nullptr);
  return 0;
}
