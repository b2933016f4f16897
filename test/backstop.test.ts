// Tests when there is a backstop, and that no change of the gate meets it. test/live/backstop.test.ts: what it lets in.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { userdata } from "../src/firewall/element.ts";
import { Firewall } from "../src/firewall/firewall.ts";
import { INET } from "../src/firewall/layout.ts";
import { Attributes, NetlinkWriter, readMessages } from "../src/firewall/netlink.ts";
import { MESSAGE, TABLE } from "../src/firewall/nftables.ts";
import { tableComment } from "../src/firewall/table-comment.ts";
import { FakeNftables } from "./fake-nftables.ts";

const SSH = "[openSSH]\nsequence = 1,2,3\nopen = tcp/22\n";
/** The flags of a table that kernels know: dormant; since 5.12, owner; since 6.9, persist. */
const [BEFORE_5_12, BEFORE_6_9, NEWEST] = [1, 3, 7] as const;

/** The last byte of the number of the change, in a message's header. */
const CHANGE_AT = 19;

function setUp(knownFlags: number) {
  const kernel = new FakeNftables();
  let onChange: (messages: Uint8Array) => void = () => {};
  let changes = 0;
  kernel.knownFlags = knownFlags;
  const firewall = new Firewall({
    openSocket: kernel.openSocket,
    watch: (callback) => {
      onChange = callback;
      return { close() {} };
    },
    now: () => 0,
    config: "/etc/knockd.conf",
    record: { isThere: false, save() {}, clear() {} },
    onRestored() {},
    onTrouble() {},
  });
  const apply = (text: string) => {
    const { doors, options } = parseConfig(text, "test", () => undefined);
    firewall.apply(doors, options.firewall);
  };
  /** Another program has removed our table. */
  const flush = (then: () => void = () => {}) => {
    kernel.tables.delete("knockd");
    then();
    const { bytes } = new NetlinkWriter().message(MESSAGE.delTable, 0, INET).string(TABLE.name, "knockd");
    bytes[CHANGE_AT] = ++changes;
    onChange(bytes);
  };
  return { kernel, firewall, apply, flush, tables: () => [...kernel.tables.keys()].sort() };
}

/** What a batch does: the tables that it deletes and builds, and the others that it changes. */
function steps(batch: Uint8Array): string {
  const words: string[] = [];
  for (const { type, attributes } of readMessages(batch.slice())) {
    if (type < 0) continue;
    const what = type === MESSAGE.delTable ? "delete" : type === MESSAGE.newTable ? "build" : "change";
    const word = `${what} ${attributes.string(TABLE.name)}`;
    if (!words.some((one) => one.endsWith(word.split(" ")[1]!))) words.push(word);
  }
  return words.join(", ");
}

describe("the backstop", () => {
  it("is only there where our table can have an owner, but not one that it survives", () => {
    for (const [flags, expected] of [
      [BEFORE_5_12, ["knockd"]],
      [BEFORE_6_9, ["knockd", "knockd_backstop"]],
      [NEWEST, ["knockd"]],
    ] as const) {
      const { apply, tables } = setUp(flags);
      apply(SSH);
      assert.deepEqual(tables(), expected, `${flags}`);
    }
  });

  it("is only there for a gate", () => {
    const { apply, tables } = setUp(BEFORE_6_9);
    apply(`[options]\nFirewall = mark 0x100000\n${SSH}`);
    assert.deepEqual(tables(), ["knockd"]);
    apply(SSH);
    assert.deepEqual(tables(), ["knockd", "knockd_backstop"]);
    apply(`[options]\nFirewall = mark 0x100000\n${SSH}`);
    assert.deepEqual(tables(), ["knockd"]);
  });

  it("is gone while the gate changes, so that it refuses nobody whom the new gate lets in", () => {
    const { kernel, firewall, apply } = setUp(BEFORE_6_9);
    apply(SSH);
    const changes = [
      () => firewall.guard(false),
      () => firewall.guard(true),
      () => apply("[openSSH]\nsequence = 1,2,3\nopen = tcp/23\n"),
    ];
    for (const change of changes) {
      const before = kernel.batches.length;
      change();
      assert.deepEqual(kernel.batches.slice(before).map(steps), [
        "delete knockd_backstop",
        "change knockd",
        "build knockd_backstop",
      ]);
    }
  });

  it("stays at a reload that changes neither its ports nor the networks that need no knock", () => {
    const { kernel, firewall, apply, tables } = setUp(BEFORE_6_9);
    apply(SSH);
    const before = kernel.batches.length;
    apply(SSH);
    apply(`[options]\nGate_Reply = drop\n${SSH}for = 5m\nOpen_Prefix_6 = 64\n`);
    assert.ok(kernel.batches.length > before);
    assert.ok(kernel.batches.slice(before).every((batch) => !steps(batch).includes("knockd_backstop")));
    firewall.guard(false);
    apply(SSH);
    assert.deepEqual(kernel.elements("knockd_backstop", "guarded"), ["tcp 22 stays"]);
    for (const other of [`[options]\nGate_Allow = 10.9.0.0/16\n${SSH}`, SSH.replace("tcp/22", "udp/22")]) {
      const changed = kernel.batches.length;
      apply(other);
      assert.equal(steps(kernel.batches[changed]!), "delete knockd_backstop");
      assert.deepEqual(tables(), ["knockd", "knockd_backstop"]);
    }
    assert.deepEqual(kernel.elements("knockd_backstop", "guarded"), ["udp 22 stays"]);
  });

  it("returns for the old gate if a reload is refused", () => {
    const { kernel, apply, tables } = setUp(BEFORE_6_9);
    apply(SSH);
    const twice = "[ssh]\nsequence = 1,2,3\nopen = tcp/23\n";
    assert.throws(() => apply(twice + twice), /two doors/);
    assert.deepEqual(tables(), ["knockd", "knockd_backstop"]);
    assert.deepEqual(kernel.elements("knockd_backstop", "guarded"), ["tcp 22 stays"]);
  });

  it("stays while our table is built again, and goes if that fails: the gate fails open", () => {
    const { kernel, apply, flush, tables } = setUp(BEFORE_6_9);
    apply(SSH);
    const batches = kernel.batches.length;
    flush();
    assert.deepEqual(tables(), ["knockd", "knockd_backstop"]);
    assert.deepEqual(kernel.batches.slice(batches).map(steps), ["build knockd"]);
    flush(() => kernel.tables.set("knockd", { attributes: new Attributes(new Uint8Array()), sets: new Map() }));
    assert.deepEqual(tables(), ["knockd"]);
    flush();
    assert.deepEqual(tables(), ["knockd", "knockd_backstop"]);
  });

  it("is removed at the start if it was loaded with saved rules, but not if it is somebody else's", () => {
    for (const [comment, expected] of [
      [tableComment("/etc/knockd.conf"), ["knockd"]],
      ["mine", ["knockd", "knockd_backstop"]],
    ] as const) {
      const { kernel, apply, tables } = setUp(NEWEST);
      const w = new NetlinkWriter().message(0, 0, 0).raw(TABLE.userdata, userdata(comment));
      kernel.tables.set("knockd_backstop", { attributes: new Attributes(w.bytes.subarray(20)), sets: new Map() });
      apply(SSH);
      assert.deepEqual(tables(), expected);
    }
  });
});
