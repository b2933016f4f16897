import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { GeoIp } from "../../src/report/count/geoip.ts";
import { Services } from "../../src/report/count/port-names.ts";
import { Tally } from "../../src/report/count/tally.ts";
import { type Chosen, Reading } from "../../src/report/read/log-reader.ts";
import type { LineOrigin, Log } from "../../src/report/read/log-sources.ts";
import type { Report } from "../../src/report/report.ts";

const WRITTEN = Date.UTC(2026, 10, 24, 12) / 1000;
const REST = "IN=eth0 OUT= SRC=8.8.8.8 DST=10.0.0.1 LEN=40 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
const line = (minute: number) => `2026-11-24T11:${minute}:00+00:00 door kernel: drop: ${REST}\n`;
const knock = (minute: number) => `2026-11-24T11:${minute}:30+00:00 door knockd: 8.8.8.8: ssh: Stage 1\n`;

const [geoIp, services] = [new GeoIp([]), new Services()];

async function read(bytes: Iterable<Buffer>, chosen: Partial<Chosen> = {}, lines: LineOrigin = "all"): Promise<Report> {
  const tally = new Tally(geoIp, services);
  const all = { since: undefined, until: undefined, prefixes: [], notPrefixes: [], tags: [] };
  const reading = new Reading(tally, { ...all, ...chosen }, WRITTEN - 86_400, () => {});
  async function* open() {
    yield* bytes;
  }
  await reading.read({ name: "a log", lines, size: 0, written: WRITTEN, open } satisfies Log);
  const report = tally.report(WRITTEN, reading.notes, {
    lines: reading.lines,
    rows: reading.leftOut.rows,
    rejected: reading.rejected,
  });
  const left = report.linesLeftOut.reduce((sum, { lines }) => sum + lines, 0);
  assert.equal(report.attempts + left, report.lines, "every line is an attempt, or left out for a reason");
  return report;
}

/** Attempts, and the number of lines that were left out, by reason. */
const counted = ({ attempts, linesLeftOut }: Report): Record<string, number> =>
  Object.fromEntries([["attempts", attempts], ...linesLeftOut.map(({ reason, lines }) => [reason, lines])]);

const textOf = (text: string) => [Buffer.from(text, "latin1")];

describe("the log reader", () => {
  it("counts lines between two times", async () => {
    const text = line(10) + knock(10) + line(20) + knock(20) + line(30) + knock(30);
    const { attempts, doors, since, until } = await read(textOf(text), {
      since: Date.UTC(2026, 10, 24, 11, 20) / 1000,
      until: Date.UTC(2026, 10, 24, 11, 30) / 1000,
    });
    assert.equal(attempts, 1);
    assert.equal(doors[0]?.begun, 1);
    assert.deepEqual(
      [since, until],
      [Date.UTC(2026, 10, 24, 11, 20) / 1000, Date.UTC(2026, 10, 24, 11, 20, 30) / 1000],
    );
  });

  it("takes from each log only the lines that it is read for", async () => {
    const text = textOf(line(10) + knock(10));
    const count = ({ attempts, doors }: Report) => [attempts, doors.length];
    assert.deepEqual(count(await read(text, {}, "kernel")), [1, 0]);
    assert.deepEqual(count(await read(text, {}, "knockd")), [0, 1]);
  });

  it("skips garbage and truncated lines, and counts them", async () => {
    const text = `${line(10).slice(40)}${line(11)}${line(12).slice(0, 120)}\n\0\0\0\n${line(13)}${"x".repeat(20_000)}\n${line(14).slice(0, 90)}`;
    assert.deepEqual(counted(await read(textOf(text))), {
      attempts: 2,
      "packets whose line is cut off or garbled": 2,
      "lines that look like packets, without a known time": 1,
      "lines that are cut off, garbled or in an unknown format": 1,
      "lines longer than 16 KiB": 1,
    });
  });

  it("counts a truncated .gz as far as it can be read", async () => {
    const packed = gzipSync(Buffer.from(line(10).repeat(50_000)));
    function* torn() {
      yield Buffer.from(line(10));
      yield gunzipSync(packed.subarray(0, packed.length - 20)); // throws
    }
    const { attempts, leftOut } = await read(torn());
    assert.equal(attempts, 1);
    assert.deepEqual(leftOut, ["a log is torn: unexpected end of file."]);
  });

  it("throws on any other error", async () => {
    // biome-ignore lint/correctness/useYield: it does not come so far
    function* broken(): Generator<Buffer> {
      throw new Error("of the disk");
    }
    await assert.rejects(read(broken()), { message: "of the disk" });
  });

  it("accepts any bytes in any chunks, and counts what is whole among them", async () => {
    const piece = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.nat(line(10).length).map((end) => Buffer.from(line(10).slice(0, end))),
      fc.constantFrom(
        Buffer.from(line(10)),
        Buffer.from("\n"),
        Buffer.from(knock(10)),
        Buffer.from("\nNov 24 11:00:00 door kernel: "),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.nat(10), async (pieces, whole) => {
        const lines = Array.from({ length: whole }, () => Buffer.from(`\n${line(40)}`));
        const before = await read(pieces);
        const both = await read([...pieces, ...lines]);
        assert.equal(both.attempts, before.attempts + whole);
      }),
    );
  });

  /** A packet that a rule logged: which rule, the source, the interface. */
  const logged = (prefix: string, source = "8.8.8.8", into = "eth0", id = 1) =>
    `2026-11-24T11:10:00+00:00 door kernel: [ 12.345678] ${prefix}IN=${into} OUT= MAC=02:00 SRC=${source} DST=10.0.0.1 LEN=40 ID=${id} PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 \n`;

  it("counts each rejected packet once, and reports what it left out", async () => {
    const packets = [
      logged("[UFW AUDIT] "),
      logged("[UFW BLOCK] "),
      logged("[UFW AUDIT] ", "8.8.4.4"),
      logged("[UFW ALLOW] ", "8.8.4.4"),
      logged("DROP ", "1.1.1.1", "eth0", 7),
      logged("rejected: ", "1.1.1.1", "eth0", 7),
      logged("rejected: ", "1.1.1.1", "eth0", 8),
      logged("[UFW BLOCK] ", "127.0.0.1", "lo"),
    ];
    const report = await read(textOf(packets.join("")));
    assert.deepEqual(counted(report), {
      attempts: 3,
      "packets that a rule let in, by its prefix": 1,
      "packets logged before a rule decided (AUDIT and LIMIT of ufw, TRACE)": 2,
      "packets that another rule has logged too": 1,
      "packets of this host to itself (lo)": 1,
    });
    assert.deepEqual(report.leftOut, []);
  });

  it("names prefixes that do not say what happened to the packet, and obeys --prefix and --not-prefix", async () => {
    const text = textOf([logged("ssh: "), logged("ssh: ", "1.1.1.1"), logged("[UFW ALLOW] ", "9.9.9.9")].join(""));
    const all = await read(text);
    assert.equal(all.attempts, 2);
    assert.deepEqual(all.leftOut, [
      'The prefix of 2 attempts does not say whether the firewall rejected them ("ssh:"): --not-prefix leaves such packets out.',
    ]);
    const unwanted = "packets left out by --prefix or --not-prefix";
    assert.deepEqual(counted(await read(text, { notPrefixes: ["ssh"] })), {
      attempts: 0,
      "packets that a rule let in, by its prefix": 1,
      [unwanted]: 2,
    });
    assert.deepEqual(counted(await read(text, { prefixes: ["UFW"] })), { attempts: 1, [unwanted]: 2 });
    assert.deepEqual(counted(await read(text, { prefixes: [""] })), { attempts: 3 });
    assert.deepEqual(counted(await read(text, { prefixes: [""], notPrefixes: ["ssh"] })), {
      attempts: 1,
      [unwanted]: 2,
    });
  });

  it("names unknown programs whose lines look like packets, and counts them with --tag", async () => {
    const from = (tag: string) => `Nov 24 11:10:00 door ${tag}${REST}\n`;
    const text = textOf(
      [from("ulogd[12]: "), from("ulogd[12]: ").repeat(2), from(""), from("evil$(x): "), from("sshd[3]: login ")].join(
        "",
      ),
    );
    const looksSo = "lines of unknown programs that look like packets";
    const report = await read(text);
    assert.deepEqual(counted(report), { attempts: 0, [looksSo]: 6 });
    assert.deepEqual(report.leftOut, [
      "3 lines from ulogd look like packets: add `--tag ulogd` if your firewall logs there.",
      "1 line without the name of a program looks like a packet: add `--tag -` if your firewall logs there.",
      "1 line from sshd looks like a packet: add `--tag sshd` if your firewall logs there.",
    ]);
    assert.deepEqual(counted(await read(text, { tags: ["ulogd", "-"] })), { attempts: 4, [looksSo]: 2 });
  });

  it("counts lines of other firewalls, which it cannot parse", async () => {
    const lines = [
      "router firewall,info drop: input: in:ether1 out:(unknown 0), proto TCP (SYN), 8.8.8.8:5555->10.0.0.1:22, len 60",
      "router firewall,info drop: input: in:ether1 out:(unknown 0), proto UDP, [2001:db8::1]:53->[fd77::1]:53, len 60",
      "pf filterlog[71]: 4,,,1000000103,igb0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,8.8.8.8,10.0.0.1,4000,22,0,S",
      'door ulogd[7]: {"oob.prefix": "drop", "src_ip": "8.8.8.8", "dest_ip": "10.0.0.1", "dest_port": 22}',
      "door sshd[7]: Failed password for root from 8.8.8.8 port 22 -> none",
    ];
    const report = await read(textOf(lines.map((line) => `Nov 24 11:10:00 ${line}\n`).join("")));
    assert.deepEqual(counted(report), {
      attempts: 0,
      "lines of firewalls other than Linux's, in formats that are not read": 4,
      "lines of other programs": 1,
    });
  });

  it("accounts for entries of the journal's export format that are truncated or have no time", async () => {
    const entry = (fields: string) => `__CURSOR=a\n_TRANSPORT=kernel\n${fields}`;
    const whole = `__REALTIME_TIMESTAMP=${(WRITTEN - 60) * 1e6}\nMESSAGE=drop: ${REST}\n\n`;
    const report = await read(
      textOf(
        entry(whole) +
          entry("MESSAGE=x\n\n") +
          entry(whole.slice(0, -60).replace("MESSAGE=", `MESSAGE\n\xff${"\0".repeat(7)}`)),
      ),
    );
    assert.deepEqual(counted(report), { attempts: 1, "lines that are cut off, garbled or in an unknown format": 2 });
  });

  it("says how to get times if lines have none", async () => {
    const { leftOut, attempts } = await read(
      textOf(`${REST}\nrejected: ${REST}\n24. Dez 11:10:00 door kernel: ${REST}\n`),
    );
    assert.equal(attempts, 0);
    assert.deepEqual(leftOut, [
      "3 lines that look like packets have no time that the report can read: use LC_ALL=C journalctl -o short-iso, LC_ALL=C dmesg -T, or grep -h.",
    ]);
  });

  it("computes dates for seconds since the boot, and says so", async () => {
    const report = await read(textOf(`[    1.000000] x\r\n[   12.345678] rejected: ${REST}\r\n`));
    assert.deepEqual(counted(report), { attempts: 1, "other lines of the kernel": 1 });
    assert.equal(report.since, WRITTEN - 86_400 + 12.345678);
    assert.deepEqual(report.leftOut, [
      "2 lines had only the seconds since the boot: the report took this machine's last boot.",
    ]);
  });

  it("leaves out syslogd's lines about repeated lines", async () => {
    const said = [`message repeated 2 times: [ ${REST}]`, "last message repeated 3 times"];
    const lines = `Nov 24 11:10:00 door kernel: ${said[0]}\nNov 24 11:10:00 door ${said[1]}\n`;
    assert.deepEqual(counted(await read(textOf(lines))), {
      attempts: 0,
      "syslogd's notes that a line was repeated": 2,
    });
  });
});
