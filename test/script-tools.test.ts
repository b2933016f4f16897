// Two scripts that call one firewall tool are found by their text.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { exclude, exclusionOf } from "../src/runner/exclusion.ts";
import { FIREWALLS } from "../src/runner/programs.ts";
import { ScriptTools, toolsOf } from "../src/runner/script-tools.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "script-tools-"));
after(() => fs.rmSync(dir, { recursive: true }));

function script(name: string, text: string): string {
  const path = join(dir, name);
  fs.writeFileSync(path, text, { mode: 0o755 });
  return path;
}

describe("the tools of a script", () => {
  for (const [text, tools] of [
    ["#!/bin/sh\nufw allow from $1\n", ["ufw"]],
    ["#!/usr/bin/env python3\nsubprocess.run(['/usr/sbin/ufw', 'allow'])\n", ["ufw"]],
    ["/usr/bin/firewall-cmd --add-source=$1\nfail2ban-client unban $1", ["firewall-cmd", "fail2ban-client"]],
    ["UFW=$(command -v ufw)\r\n$UFW allow\r\n", ["ufw"]],
    ["iptables -A INPUT -s $1 -j ACCEPT # no wolf, nor ufw-like.conf, nor my-ufw\n", []],
    ["", []],
  ] as const) {
    it(`of ${JSON.stringify(text)}`, async () => assert.deepEqual(await toolsOf(script("a.sh", text)), tools));
  }

  it("are those of the scripts that it calls, however they call each other", async () => {
    const inner = script("inner.sh", `ufw allow from $1; . ${dir}/outer.sh\n`);
    const outer = script("outer.sh", `exec ${inner} "$@"\n`);
    assert.deepEqual(await toolsOf(outer), ["ufw"]);
  });

  it("are not those of paths that begin with a variable, nor of paths on other disks", async () => {
    const [elsewhere, inner] = [join(dir, "elsewhere"), script("inner.sh", "ufw allow")];
    fs.mkdirSync(elsewhere);
    const outer = (text: string) => {
      fs.writeFileSync(join(elsewhere, "outer.sh"), text);
      return join(elsewhere, "outer.sh");
    };
    assert.deepEqual(await toolsOf(script("outer.sh", `~${inner}; \${BASE}${inner}`)), []);
    assert.deepEqual(await toolsOf(outer(`. ${inner}`)), []);
    assert.deepEqual(await toolsOf(outer(`. ${inner}`), [], /^/), ["ufw"]);
  });

  it("are looked for in 64 files", async () => {
    const calls = Array.from({ length: 80 }, (_, i) => `${dir}/called-${i}`);
    const outer = script("calls-many.sh", calls.join("\n"));
    script("called-70", "ufw");
    assert.deepEqual(await toolsOf(outer), []);
    script("called-60", "csf");
    assert.deepEqual(await toolsOf(outer), ["csf"]);
  });

  it("are unknown for a path that only the command's own directory makes complete", async () => {
    const before = process.cwd();
    process.chdir(dir);
    script("here.sh", "ufw allow");
    assert.deepEqual(await toolsOf("./here.sh"), []);
    process.chdir(before);
  });

  it("are found by the program's name in PATH, where the first counts", async () => {
    script("knock-open", "ufw allow");
    assert.deepEqual(await toolsOf("knock-open", ["/nowhere", dir]), ["ufw"]);
    const other = join(dir, "other");
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, "knock-open"), "true");
    assert.deepEqual(await toolsOf("knock-open", [other, dir]), []);
  });

  it("are none of what is no script, and nothing hangs", async () => {
    script("binary", "\x7fELF\0ufw");
    script("long", `${" ".repeat(300_000)}ufw`);
    script("names-many", Array.from({ length: 5000 }, (_, i) => `/etc/nothing/${i}\n`).join(""));
    for (const path of ["binary", "long", "names-many", "missing"].map((name) => join(dir, name)))
      assert.deepEqual(await toolsOf(path), []);
    for (const path of [dir, "/dev/zero", "/proc/kmsg", "ufw.sh", "./ufw.sh", ""])
      assert.deepEqual(await toolsOf(path, []), []);
  });
});

describe("the tools that are remembered", () => {
  const ANY = [...FIREWALLS];

  it("are all tools, until the script has been read", async () => {
    const path = script("new.sh", "ufw allow");
    const tools = new ScriptTools();
    assert.deepEqual(tools.of(path, 0), ANY);
    await tools.settled();
    assert.deepEqual(tools.of(path, 0), ["ufw"]);
  });

  it("hold for ten seconds, so that a flood does not read the script each time, and until it has been read again", async () => {
    const path = script("changing.sh", "ufw allow");
    const tools = new ScriptTools();
    const at = async (now: number) => {
      const answer = tools.of(path, now);
      await tools.settled();
      return answer;
    };
    await at(0);
    script("changing.sh", "true");
    const seen = [await at(9.9), await at(9.9), await at(10), await at(10)];
    assert.deepEqual(seen, [["ufw"], ["ufw"], ["ufw"], []]);
  });

  it("are those of before while a disk hangs, of which only one script is read", async () => {
    const disks = new HangingDisks();
    const tools = new ScriptTools(disks.read);
    tools.of("/nfs/a", 0);
    await tools.settled();
    disks.hang("/nfs");
    for (let now = 10; now < 500; now++) assert.deepEqual(tools.of("/nfs/a", now), ["ufw"]);
    for (let i = 0; i < 100; i++) assert.deepEqual(tools.of(`/nfs/${i}`, 500), ANY);
    tools.of("/etc/knock", 500);
    tools.of("/etc/other", 500);
    await turns();
    assert.deepEqual(disks.asked, ["/nfs/a", "/nfs/a", "/etc/knock", "/etc/other"]);
    assert.deepEqual([tools.of("/etc/knock", 500), tools.of("/nfs/0", 500)], [["ufw"], ANY]);
    disks.release();
    await tools.settled();
    assert.equal(disks.asked.length, 4 + 100);
    assert.deepEqual(tools.of("/nfs/0", 500), ["ufw"]);
  });

  it("leave two of libuv's four threads to others, however many disks hang and programs are asked for", async () => {
    const disks = new HangingDisks();
    const tools = new ScriptTools(disks.read);
    for (const disk of ["/nfs", "/smb", "/usb"]) disks.hang(disk);
    for (let i = 0; i < 2000; i++)
      for (const disk of ["/nfs", "/smb", "/usb"]) assert.deepEqual(tools.of(`${disk}/${i}`, i), ANY);
    await turns();
    assert.deepEqual(disks.asked, ["/nfs/0", "/smb/0"]);
    disks.release();
    await tools.settled();
    assert.ok(disks.asked.length < 1100, `${disks.asked.length} have waited`);
  });
});

/** Each script calls ufw. Those on some disks are not read before `release`. */
class HangingDisks {
  readonly asked: string[] = [];
  readonly #hanging = new Set<string>();
  #waiting: (() => void)[] = [];

  readonly read = async (path: string): Promise<string[]> => {
    this.asked.push(path);
    if (this.#hanging.has(dirname(path))) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return ["ufw"];
  };

  hang(directory: string): void {
    this.#hanging.add(directory);
  }

  release(): void {
    this.#hanging.clear();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What can go on goes on meanwhile. */
async function turns(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

it("two scripts that call ufw do not run side by side, also when a line starts them in different ways", async () => {
  const [open, close] = [script("open.sh", "ufw allow from $1"), script("close.sh", "/usr/sbin/ufw delete allow")];
  const harmless = script("harmless.sh", "iptables -A INPUT -s $1 -j ACCEPT");
  const tools = new ScriptTools();
  const of = (command: string, door: string) => exclusionOf(command, door, undefined, (path) => tools.of(path, 0));
  const lines = [`${open} 10.77.0.2`, `sh ${close} 10.77.0.2`, `sudo -n ${open} x`, `. ${close}`, "ufw allow 22"];
  const [one, other] = [`${open} 10.77.0.2`, `${harmless} 10.77.0.2`];
  // Before the scripts have been read, and afterwards.
  for (const mayExcludeHarmless of [true, false]) {
    for (const a of lines)
      for (const b of lines) assert.equal(exclude(of(a, "a"), of(b, "b")), true, `${a} beside ${b}`);
    assert.equal(exclude(of(one, "a"), of(other, "b")), mayExcludeHarmless);
    await tools.settled();
  }
});
