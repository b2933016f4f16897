// Tests which networks knockctl init takes for the LAN, judged by the firewall and the interfaces.
import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { describe, it } from "node:test";
import { iptablesSources, nftSources, ownNetworks, parseNetworks } from "../src/setup/lan.ts";

const LAN = "192.168.1.0/24";

describe("iptables rules that admit a network", () => {
  for (const [rule, sources] of [
    [`-A INPUT -s ${LAN} -j ACCEPT`, [LAN]],
    [`-A INPUT -s ${LAN} -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT`, [LAN]],
    [`-A INPUT -s ${LAN} -p tcp -m tcp --dport 20:25 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT`, [LAN]],
    [`-A INPUT -s ${LAN} -p tcp -m multiport --dports 80,22 -m comment --comment "my LAN -j" -j ACCEPT`, [LAN]],
    [`-A INPUT -s ${LAN} -p tcp -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT`, [LAN]],
    [`-A INPUT -j ufw\n-A ufw -j deeper\n-A deeper -s ${LAN} -p tcp -m tcp --dport 22 -j ACCEPT`, [LAN]],
    ["-A INPUT -s fd00::/64 -j ACCEPT", ["fd00::/64"]],
    [`-A INPUT -s ${LAN} -p tcp -m tcp --dport 80 -j ACCEPT`, []],
    [`-A INPUT -s ${LAN} -p udp -m udp --dport 22 -j ACCEPT`, []],
    [`-A INPUT ! -s ${LAN} -j ACCEPT`, []],
    [`-A INPUT -s ${LAN} -j DROP`, []],
    [`-A INPUT -s ${LAN} -m conntrack --ctstate ESTABLISHED -j ACCEPT`, []],
    [`-A INPUT -s ${LAN} -m time --timestart 09:00:00 -j ACCEPT`, []],
    [`-A FORWARD -s ${LAN} -j ACCEPT`, []],
    ["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", []],
    ["-A INPUT -j KNOCKD\n-A KNOCKD -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT", []],
    ["-A INPUT -j loop\n-A loop -j INPUT", []],
  ] as const) {
    it(rule, () => assert.deepEqual(iptablesSources(`-P INPUT DROP\n${rule}\n`, 22), sources));
  }
});

describe("nft rules that admit a network", () => {
  for (const [rule, sources] of [
    [`ip saddr ${LAN} accept`, [LAN]],
    [`ip saddr ${LAN} tcp dport 22 accept`, [LAN]],
    [
      `iifname "eth0" ip saddr { 10.0.0.0/8, ${LAN} } tcp dport { 22, 80 } counter packets 3 bytes 9 accept`,
      ["10.0.0.0/8", LAN],
    ],
    ['ip6 saddr fd00::/64 tcp dport 20-25 ct state new accept comment "mine"', ["fd00::/64"]],
    [`ip saddr ${LAN} tcp dport 80 accept`, []],
    [`ip saddr != ${LAN} accept`, []],
    [`ip saddr ${LAN} drop`, []],
    [`ip saddr ${LAN} ct state established accept`, []],
    ["tcp dport 22 accept", []],
  ] as const) {
    it(rule, () => {
      const table = (name: string, line: string) => `table inet ${name} {\n\tchain input {\n\t\t${line}\n\t}\n}\n`;
      assert.deepEqual(nftSources(table("filter", rule), 22), sources);
      for (const ours of ["knockd", "knockd_backstop"]) {
        assert.deepEqual(nftSources(table(ours, rule), 22), [], "ours are for clients that have knocked");
        const owned = table(ours, rule).replace("{", "{ # progname knockd");
        assert.deepEqual(nftSources(owned + table("filter", rule), 22), sources);
      }
    });
  }
});

describe("the private networks of this host", () => {
  const info = (address: string, length: number, internal = false) =>
    ({ address, cidr: `${address}/${length}`, internal }) as NetworkInterfaceInfo;

  it("are those of its addresses, without public and loopback networks", () => {
    const interfaces = {
      lo: [info("127.0.0.1", 8, true)],
      eth0: [info("192.168.1.77", 26), info("203.0.113.9", 24), info("fd12:3456::5:6", 64), info("fe80::1", 64)],
      docker0: [info("172.17.0.1", 16)],
    };
    assert.deepEqual(ownNetworks(interfaces, ["eth0"]), ["192.168.1.64/26", "fd12:3456::/64", "fe80::/64"]);
    assert.deepEqual(ownNetworks(interfaces, []).at(-1), "172.17.0.0/16");
  });

  it("appear in scripts only as lists of networks", () => {
    assert.deepEqual(parseNetworks(`${LAN}, fd00::/8,192.0.2.1`), [LAN, "fd00::/8", "192.0.2.1"]);
    for (const wrong of [
      "",
      "eth0",
      "1.2.3.4/33",
      "0.0.0.0/0",
      "::/129",
      `${LAN};reboot`,
      "fe80::1%eth0",
      "1.2.3.4/24/3",
    ]) {
      assert.equal(parseNetworks(wrong), undefined, wrong);
    }
  });
});
