import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressText } from "../../src/report/count/geoip.ts";
import { PacketLine } from "../../src/report/read/packet-line.ts";

const MAC = "MAC=02:00:0a:4d:00:01:02:00:0a:4d:00:02:08:00";
const HEAD = `IN=eth0 OUT= ${MAC} SRC=185.220.101.1 DST=10.77.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1`;
const HEAD_6 =
  "IN=eth0 OUT= MAC= SRC=2a02:8071:0000:0000:0000:0000:0000:00ff DST=fd77:0000:0000:0000:0000:0000:0000:0001 LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=0";
const TCP = "PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

function read(message: string): string {
  const line = new PacketLine();
  const verdict = line.read(message);
  return verdict === "attempt" ? `${addressText(line.source)} ${line.protocol} ${line.port}` : verdict;
}

describe("the log line of a packet", () => {
  it("is parsed to source and port, with any prefix", () => {
    for (const prefix of ["", "REJECT ", "[UFW BLOCK] ", "IN= it comes: ", "DROP", "a OUT"]) {
      assert.equal(read(`${prefix}${HEAD} ${TCP}`), "185.220.101.1 6 22", prefix);
    }
    assert.equal(read(`x: ${HEAD_6} ${TCP}`), "2a02:8071::ff 6 22");
    assert.equal(read(`${HEAD} DF PROTO=UDP SPT=40000 DPT=5060 LEN=8 `), "185.220.101.1 17 5060");
    assert.equal(read(`${HEAD} PROTO=132 `), "185.220.101.1 132 0");
    assert.equal(read(`${HEAD} PROTO=47`), "185.220.101.1 47 0");
    assert.equal(read(`${HEAD} PROTO=ESP SPI=0x1 `), "185.220.101.1 50 0");
    assert.equal(read(`${HEAD} PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 `), "185.220.101.1 1 0");
    assert.equal(read(`${HEAD_6} PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=1 `), "2a02:8071::ff 58 0");
    assert.equal(read(`${HEAD} SEQ=1 ACK=0 ${TCP}OPT (020405B4) MARK=0x1 `), "185.220.101.1 6 22");
  });

  it("is an attempt even if a scanner leaves out the SYN", () => {
    for (const flags of ["SYN ", "", "FIN ", "URG PSH FIN ", "CWR ECE SYN ", "SYN FIN "]) {
      const line = `${HEAD} PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 ${flags}URGP=0 `;
      assert.equal(read(line), "185.220.101.1 6 22", flags);
    }
  });

  it("has fields after a blank, as `log flags all` and ulogd write them", () => {
    const ether = "MACSRC=02:00:0a:4d:00:02 MACDST=02:00:0a:4d:00:01 MACPROTO=0800";
    const head = `IN=eth0 OUT= ${ether} SRC=185.220.101.1 DST=10.77.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1`;
    const tcp =
      "PROTO=TCP SPT=40000 DPT=22 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) UID=0 GID=0 MARK=0x1 ";
    assert.equal(read(`rejected: ${head} ${tcp}`), "185.220.101.1 6 22");
    assert.equal(read(`[WAN_LOCAL-default-D]${head} ${tcp}`), "185.220.101.1 6 22");
    assert.equal(read(`Shorewall:net-fw:DROP:${head} PHYSIN=eth1 ${tcp}`), "185.220.101.1 6 22");
    assert.equal(read(`IN= OUT= SRC= ${head} ${tcp}`), "cut", "a prefix that nobody would take for one");
    assert.equal(read(`IN= OUT= ${head} ${tcp}`), "185.220.101.1 6 22");
    const ulogd =
      "rejected: IN=eth0 OUT= MAC=02:00 SRC=fd77::2 DST=fd77::1 LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=TCP SPT=1 DPT=22";
    assert.equal(read(`${ulogd} SEQ=0 ACK=0 WINDOW=8192 SYN URGP=0 MARK=0 `), "fd77::2 6 22");
    assert.equal(read(`${ulogd} SEQ=0 ACK=7 WINDOW=8192 ACK URGP=0 MARK=0 `), "answer");
  });

  it("is not an attempt if it is a reply, a fragment, from this host, or a broadcast", () => {
    for (const flags of ["ACK ", "ACK SYN ", "RST ", "ACK RST ", "ACK PSH FIN "]) {
      assert.equal(read(`${HEAD} PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 ${flags}URGP=0 `), "answer", flags);
    }
    for (const [line, verdict] of [
      [`${HEAD} FRAG:185 PROTO=UDP `, "fragment"],
      [`${HEAD} PROTO=TCP INCOMPLETE [4 bytes] `, "fragment"],
      [`${HEAD} PROTO=ICMP INCOMPLETE [4 bytes] `, "fragment"],
      [
        `${HEAD} PROTO=ICMP TYPE=3 CODE=3 [SRC=10.77.0.1 DST=9.9.9.9 LEN=40 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ] `,
        "answer",
      ],
      [`${HEAD_6} PROTO=ICMPv6 TYPE=135 CODE=0 `, "answer"],
      [`${HEAD} ${TCP}`.replace("IN=eth0 OUT=", "IN= OUT=eth0"), "sent"],
      [`${HEAD} ${TCP}`.replace("IN=eth0", "IN=lo"), "loopback"],
      [`${HEAD} ${TCP}`.replace("DST=10.77.0.1", "DST=224.0.0.251"), "group"],
      [`${HEAD} ${TCP}`.replace("DST=10.77.0.1", "DST=255.255.255.255"), "group"],
      [`${HEAD_6} ${TCP}`.replace("DST=fd77", "DST=ff02"), "group"],
      ["IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=02:00 IPSRC=1.2.3.4 MACDST=00:00 IPDST=1.2.3.5", "none"],
      ["eth0: link becomes ready", "none"],
      ["", "none"],
    ] as const) {
      assert.equal(read(line), verdict, line);
    }
  });

  it("that is garbled is rejected", () => {
    for (const [good, bad] of [
      ["185.220.101.1", "185.220.101.256"],
      ["185.220.101.1", "185.220.101"],
      ["185.220.101.1", "185.220..1"],
      ["185.220.101.1", "1e5.220.101.1"],
      ["PROTO=TCP", "PROTO=XYZ"],
      ["PROTO=TCP", "PROTO=toString"],
      ["PROTO=TCP", "PROTO=256"],
      ["DPT=22", "DPT=65536"],
      ["DPT=22", "DPT=-1"],
      ["DPT=22", "DPT="],
      ["DPT=22", "DPT=22x"],
      [" SRC=", " SRV="],
      [" DST=", " DSV="],
    ] as const) {
      assert.equal(read(`${HEAD} ${TCP}`.replace(good, bad)), "cut", bad);
    }
    assert.equal(read(`${HEAD_6} ${TCP}`.replace("00ff", "00fg")), "cut");
    assert.equal(read(`${HEAD_6} ${TCP}`.replace(":00ff", ".00ff")), "cut");
  });

  it("that is truncated anywhere never passes for another attempt", () => {
    const icmp = ["PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 ", "PROTO=ICMP TYPE=80 CODE=0 "]; // ICMP type 8 is a request, 80 is not
    for (const rest of [TCP, "PROTO=UDP SPT=40000 DPT=5060 LEN=8 ", ...icmp]) {
      const whole = `drop: ${HEAD} ${rest}`;
      for (let end = 0; end < whole.length; end++) {
        assert.ok(["none", "cut", read(whole)].includes(read(whole.slice(0, end))), whole.slice(0, end));
      }
    }
  });

  it("may be any text", () => {
    const word = fc.constantFrom(
      "IN=",
      " OUT=",
      " SRC=",
      " DST=",
      " PROTO=",
      "TCP ",
      " DPT=",
      " RES=",
      " URGP=",
      "1.2.3.4",
      " TYPE=",
      "8 ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ unit: "binary" }))), (parts) => {
        assert.match(read(parts.join("")), /^(none|cut|loopback|sent|answer|group|fragment|\S+ \d+ \d+)$/);
      }),
    );
  });
});
