// Two scripts that call one firewall tool are found by their text.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { exclude, exclusionOf } from "../src/runner/exclusion.ts";
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
    it(`of ${JSON.stringify(text)}`, () => assert.deepEqual(toolsOf(script("a.sh", text)), tools));
  }

  it("are those of the scripts that it calls, however they call each other", () => {
    const inner = script("inner.sh", `ufw allow from $1; . ${dir}/outer.sh\n`);
    const outer = script("outer.sh", `exec ${inner} "$@"\n`);
    assert.deepEqual(toolsOf(outer), ["ufw"]);
  });

  it("are found by the program's name in PATH, where the first counts", () => {
    script("knock-open", "ufw allow");
    assert.deepEqual(toolsOf("knock-open", ["/nowhere", dir]), ["ufw"]);
    const other = join(dir, "other");
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, "knock-open"), "true");
    assert.deepEqual(toolsOf("knock-open", [other, dir]), []);
  });

  it("are none of what is no script, and nothing hangs", () => {
    script("binary", "\x7fELF\0ufw");
    script("long", `${" ".repeat(300_000)}ufw`);
    script("names-many", Array.from({ length: 5000 }, (_, i) => `/etc/nothing/${i}\n`).join(""));
    for (const path of ["binary", "long", "names-many", "missing"].map((name) => join(dir, name)))
      assert.deepEqual(toolsOf(path), []);
    for (const path of [dir, "/dev/zero", "/proc/kmsg", "ufw.sh", "./ufw.sh", ""])
      assert.deepEqual(toolsOf(path, []), []);
  });
});

it("an answer holds for a second, so that a flood does not read the script each time", () => {
  const path = script("changing.sh", "ufw allow");
  const tools = new ScriptTools();
  assert.deepEqual(tools.of(path, 0), ["ufw"]);
  script("changing.sh", "true");
  assert.deepEqual([tools.of(path, 9.9), tools.of(path, 10)], [["ufw"], []]);
});

it("two scripts that call ufw do not run side by side, also when a line starts them in different ways", () => {
  const of = (command: string, door: string) => exclusionOf(command, door, undefined, toolsOf);
  const [open, close] = [script("open.sh", "ufw allow from $1"), script("close.sh", "/usr/sbin/ufw delete allow")];
  const harmless = script("harmless.sh", "iptables -A INPUT -s $1 -j ACCEPT");
  const lines = [`${open} 10.77.0.2`, `sh ${close} 10.77.0.2`, `sudo -n ${open} x`, `. ${close}`, "ufw allow 22"];
  for (const a of lines) for (const b of lines) assert.equal(exclude(of(a, "a"), of(b, "b")), true, `${a} beside ${b}`);
  assert.equal(exclude(of(`${open} 10.77.0.2`, "a"), of(`${harmless} 10.77.0.2`, "b")), false);
});
