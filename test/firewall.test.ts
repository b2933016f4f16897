// Tests the firewall with an in-memory nf_tables: what it opens, renews, closes, keeps across a reload and refuses.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { commentIn } from "../src/firewall/element.ts";
import { Firewall } from "../src/firewall/firewall.ts";
import { FirewallError } from "../src/firewall/firewall-error.ts";
import type { BuiltInDoor } from "../src/firewall/layout.ts";
import { Attributes, NetlinkWriter, readMessages } from "../src/firewall/netlink.ts";
import { KEY_TYPE, MESSAGE, SET, TABLE } from "../src/firewall/nftables.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { FakeNftables } from "./fake-nftables.ts";

const CLIENT = parseAddress("192.168.1.63")!;
const OTHER = parseAddress("192.168.1.99")!;

/** What a daemon stores on the disk about its gate. */
class FakeRecord {
  kept: unknown;
  refuses = false;
  get isThere(): boolean {
    return this.kept !== undefined;
  }
  save(gate: unknown): void {
    if (this.refuses) throw new Error("No space left on device");
    this.kept = gate;
  }
  clear(): void {
    this.kept = undefined;
  }
}

function setUp(
  text: string,
  kernel = new FakeNftables(),
  mayOwn = true,
  { config = "/etc/knockd.conf", record = new FakeRecord() } = {},
) {
  const troubles: string[] = [];
  const restored: [number, string | undefined][] = [];
  const watches = new Set<(messages: Uint8Array) => void>();
  const firewall = new Firewall({
    openSocket: kernel.openSocket,
    watch: (callback) => {
      watches.add(callback);
      return { close: () => watches.delete(callback) };
    },
    now: () => kernel.now,
    onRestored: (open, reason) => restored.push([open, reason]),
    mayOwn,
    config,
    record,
    onTrouble: (what, reason) => troubles.push(`${what}: ${reason}`),
  });
  const apply = (config: string) => {
    const { doors, options } = parseConfig(config, "test", () => undefined);
    firewall.apply(doors, options.firewall);
    return doors as readonly BuiltInDoor[];
  };
  return {
    kernel,
    firewall,
    apply,
    restored,
    record,
    troubles,
    doors: apply(text),
    watches: () => watches.size,
    change: (messages: Uint8Array) => {
      for (const onChange of watches) onChange(messages);
    },
    list: () => [...firewall.list()].map(({ door, address, left }) => `${door} ${formatAddress(address)} ${left}`),
  };
}

const SSH = "[openSSH]\nsequence = 1,2,3\nopen = tcp/22\n";
const two = (first: string, second: string) => `[a]\nsequence = 1,2,3\n${first}\n[b]\nsequence = 4,5,6\n${second}\n`;

/** The owner has ended: no process owns the table. */
function orphan({ tables }: FakeNftables): void {
  for (const [name, { attributes, sets }] of tables) {
    const w = new NetlinkWriter().message(0, 0, 0);
    for (const [type, value] of attributes) if (type !== TABLE.owner) w.raw(type, value);
    tables.set(name, { attributes: new Attributes(w.bytes.subarray(20)), sets });
  }
}

describe("a firewall", () => {
  it("makes no socket and no table without a built-in door", () => {
    const { kernel } = setUp("[openSSH]\nsequence = 1,2,3\nstart_command = true\n");
    assert.equal(kernel.requests, 0);
    assert.equal(kernel.tables.size, 0);
  });

  it("opens a port for a client in one batch, with the door's name and time", () => {
    const { kernel, firewall, doors, list } = setUp(SSH);
    assert.deepEqual(kernel.elements("knockd", "guarded"), ["tcp 22 stays"]);
    const batches = kernel.batches.length;
    assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
    assert.equal(kernel.batches.length, batches + 1);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
    assert.deepEqual(list(), ["openSSH 192.168.1.63 30"]);
    assert.equal(firewall.size, 1);
    assert.equal(firewall.deadline, 30);
  });

  it("does not close or extend a door of another kind, an unknown door, or a door that is not open for an IPv6 client", () => {
    const { firewall } = setUp(`${SSH}[web]\nsequence = 4,5,6\nstart_command = true\n`);
    const client = parseAddress("2001:db8::1")!;
    assert.equal(firewall.close("web", client), false);
    assert.equal(firewall.close("gone", client), false);
    assert.equal(firewall.extend("web", client, 10), undefined);
  });

  it("opens nothing for a door that a reload removed while its code was being recorded", () => {
    const { apply, firewall, doors } = setUp(two("open = tcp/22", "open = tcp/80"));
    const failed = { failed: "no door of the config opens it any more" };
    apply("[b]\nsequence = 4,5,6\nopen = tcp/80\n");
    assert.deepEqual(firewall.open(doors[0]!, CLIENT), failed);
    apply("[b]\nsequence = 4,5,6\nstart_command = true\n");
    assert.deepEqual(firewall.open(doors[1]!, CLIENT), failed);
  });

  it("guards the ports of a door that stays closed because of a mistake in the config", () => {
    const { kernel, apply } = setUp(SSH);
    for (const mistake of ["sequence = 1,2,0", "seq_timeout = 0", "target =", "cmd_timeout = soon"]) {
      apply(`${SSH}${mistake}\n`);
      assert.deepEqual(kernel.elements("knockd", "guarded"), ["tcp 22 stays"], mistake);
    }
    apply("[openSSH]\nsequence = 1,2,3\nstart_command = true\n");
    assert.equal(kernel.tables.size, 0);
  });

  describe("with an expected knock", () => {
    const knock = { source: CLIENT, destination: OTHER, port: 3, protocol: 6, flags: 2, soonest: 0, latest: 1000 };
    const expecting = (text = SSH, source = CLIENT) => {
      const it = setUp(text);
      it.firewall.expect(it.doors[0]!, { ...knock, source });
      return it;
    };
    const IN = "192.168.1.63 tcp 22 30s openSSH";

    it("takes the opening over if the addon has made it", () => {
      const { firewall, kernel, doors, list } = expecting();
      assert.deepEqual(kernel.elements("knockd", "open4"), [], "nothing is open yet");
      kernel.meet();
      assert.deepEqual(kernel.elements("knockd", "open4"), [IN]);
      const before = kernel.requests;
      assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
      firewall.endExpectation();
      assert.equal(kernel.requests, before);
      assert.deepEqual(list(), ["openSSH 192.168.1.63 30"]);
    });

    it("closes the door again if nobody opens it", () => {
      const { firewall, kernel, list } = expecting();
      kernel.meet();
      firewall.endExpectation();
      assert.deepEqual(kernel.elements("knockd", "open4"), []);
      assert.deepEqual(list(), []);
      firewall.endExpectation();
    });

    it("opens and closes nothing if another packet has come", () => {
      const { firewall, kernel, doors } = expecting();
      assert.equal(firewall.open(doors[0]!, OTHER), "opened");
      firewall.endExpectation();
      assert.equal(kernel.expected, undefined, "it is no longer expected");
      assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.99 tcp 22 30s openSSH"]);
    });

    it("lets in another client, or the client at another door, and takes back what nobody opened", () => {
      for (const [which, client] of [
        [0, OTHER],
        [1, CLIENT],
      ] as const) {
        const { firewall, kernel, doors } = expecting(two("open = tcp/22", "open = tcp/80"));
        kernel.meet();
        assert.equal(firewall.open(doors[which]!, client), "opened");
        firewall.endExpectation();
        const open = which === 0 ? "192.168.1.99 tcp 22 30s a" : "192.168.1.63 tcp 80 30s b";
        assert.deepEqual(kernel.elements("knockd", "open4"), [open]);
      }
    });

    it("opens the door as usual if the addon has failed", () => {
      for (const error of ["EAGAIN", "EEXIST", "ENOBUFS"] as const) {
        const { firewall, kernel, doors } = expecting();
        kernel.refusals.push(error);
        kernel.meet();
        assert.equal(firewall.open(doors[0]!, CLIENT), "opened", error);
        assert.deepEqual(kernel.elements("knockd", "open4"), [IN], error);
      }
    });

    it("admits the whole prefix of an IPv6 client", () => {
      const client = parseAddress("fd77::1:2")!;
      const { firewall, kernel, doors, list } = expecting(`${SSH}Open_Prefix_6 = 64\n`, client);
      kernel.meet();
      assert.equal(firewall.open(doors[0]!, client), "opened");
      assert.deepEqual(list(), ["openSSH fd77:: 30"]);
    });

    it("expects none for a door that is open, that shares a port, or that is gone", () => {
      const open = setUp(SSH);
      open.firewall.open(open.doors[0]!, CLIENT);
      open.firewall.expect(open.doors[0]!, knock);
      assert.equal(open.kernel.expected, undefined);
      const shared = setUp(two("open = tcp/22", "open = tcp/22"));
      shared.firewall.expect(shared.doors[0]!, knock);
      assert.equal(shared.kernel.expected, undefined);
      const gone = setUp(SSH);
      gone.apply(SSH.replace("openSSH", "other"));
      gone.firewall.expect(gone.doors[0]!, knock);
      assert.equal(gone.kernel.expected, undefined);
    });

    it("expects none any more after a reload", () => {
      const { apply, kernel } = expecting();
      apply(`${SSH}for = 10s\n`);
      assert.equal(kernel.expected, undefined);
    });
  });

  it("extends the time of an open door, even if the kernel keeps an element's old time", () => {
    const { kernel, firewall, doors } = setUp(SSH);
    firewall.open(doors[0]!, CLIENT);
    kernel.now = 20;
    assert.equal(firewall.open(doors[0]!, CLIENT), "extended");
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
    assert.equal(firewall.size, 1);
    kernel.now = 49;
    assert.deepEqual(firewall.expire(), []);
    kernel.now = 50;
    assert.deepEqual(
      firewall.expire().map(({ door, address }) => `${door} ${formatAddress(address)}`),
      ["openSSH 192.168.1.63"],
    );
    assert.equal(firewall.size, 0);
  });

  it("never shortens the time of a door: the remaining time or `for` counts, whichever is longer", () => {
    const { kernel, firewall, doors } = setUp(SSH);
    firewall.open(doors[0]!, CLIENT);
    assert.equal(firewall.extend("openSSH", CLIENT, 100), 130);
    assert.equal(firewall.open(doors[0]!, CLIENT), "extended");
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 130s openSSH"]);
    assert.equal(firewall.deadline <= 130, true);
  });

  it("replaces an element of its own that another program has added", () => {
    const { kernel, firewall, doors } = setUp(SSH);
    firewall.open(doors[0]!, CLIENT);
    const before = kernel.tables;
    firewall.close("openSSH", CLIENT);
    kernel.tables = before;
    assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
  });

  it("keeps a port that two doors open for the longer time, under the name of the door that has it", () => {
    const { kernel, firewall, doors, list } = setUp(two("open = tcp/22\nfor = 10s", "open = tcp/22\nfor = 1h"));
    firewall.open(doors[0]!, CLIENT);
    firewall.open(doors[1]!, CLIENT);
    assert.equal(firewall.open(doors[0]!, CLIENT), "extended");
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 3600s b"]);
    assert.deepEqual(list().sort(), ["a 192.168.1.63 10", "b 192.168.1.63 3600"]);
    assert.equal(firewall.close("a", CLIENT), true);
    assert.equal(firewall.close("a", CLIENT), false);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 3600s b"]);
    assert.deepEqual(list(), ["b 192.168.1.63 3600"]);
    assert.equal(firewall.close("b", CLIENT), true);
    assert.deepEqual(kernel.elements("knockd", "open4"), []);
  });

  it("keeps a port open after closing one of two doors by hand, for the other door's time", () => {
    const both = two("open = tcp/22,tcp/80\nfor = 100s", "open = tcp/22\nfor = 1h");
    const { kernel, firewall, doors, apply, list } = setUp(both);
    firewall.open(doors[0]!, CLIENT);
    firewall.open(doors[1]!, CLIENT);
    firewall.open(doors[1]!, OTHER);
    kernel.now = 40;
    apply(both); // a reload
    assert.deepEqual(list().sort(), ["a 192.168.1.63 60", "b 192.168.1.63 3560", "b 192.168.1.99 3560"]);
    assert.equal(firewall.close("b", CLIENT), true);
    const open = () => kernel.elements("knockd", "open4").sort();
    assert.deepEqual(open(), ["192.168.1.63 tcp 22 60s a", "192.168.1.63 tcp 80 60s a", "192.168.1.99 tcp 22 3560s b"]);
    assert.equal(firewall.close("b", CLIENT), false);
    assert.equal(firewall.open(doors[1]!, CLIENT), "opened");
    assert.equal(firewall.extend("a", CLIENT, 10), 70);
    assert.deepEqual(open().slice(0, 2), ["192.168.1.63 tcp 22 3600s b", "192.168.1.63 tcp 80 70s a"]);
    assert.equal(firewall.extend("a", CLIENT, 7200), 7270);
    assert.deepEqual(open().slice(0, 2), ["192.168.1.63 tcp 22 7270s a", "192.168.1.63 tcp 80 7270s a"]);
    assert.equal(firewall.close("a", CLIENT), true);
    assert.deepEqual(open(), ["192.168.1.63 tcp 22 3600s b", "192.168.1.99 tcp 22 3560s b"]);
    kernel.now += 3600;
    firewall.expire();
    assert.equal(firewall.close("b", CLIENT), false);
  });

  it("knows after a reload how long a door is open if another door keeps its ports open longer", () => {
    const both = two("open = tcp/22\nfor = 100s", "open = tcp/22\nfor = 1h");
    const { kernel, firewall, doors, apply } = setUp(both);
    for (const door of doors) firewall.open(door, CLIENT);
    kernel.now = 40;
    apply(both);
    firewall.close("b", CLIENT);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 60s a"]);
    firewall.open(doors[1]!, CLIENT);
    apply(both.replaceAll("tcp/22", "tcp/23"));
    assert.deepEqual([...firewall.list()], []);
  });

  it("opens the whole prefix of an IPv6 client", () => {
    const { kernel, firewall, doors } = setUp(`${SSH}open_prefix_6 = 64\n`);
    firewall.open(doors[0]!, parseAddress("2001:db8:0:1::63")!);
    assert.deepEqual(kernel.elements("knockd", "open6"), []);
    const network = "20010db8000000010000000000000000";
    assert.deepEqual(kernel.elements("knockd", "open6_64"), [`${network} tcp 22 30s openSSH`]);
    assert.equal(firewall.open(doors[0]!, parseAddress("2001:db8:0:1::99")!), "extended");
    assert.equal(firewall.close("openSSH", parseAddress("2001:db8:0:1::99")!), true);
    assert.deepEqual(kernel.elements("knockd", "open6_64"), []);
  });

  it("opens ranges, split where another door's range begins or ends", () => {
    const { kernel, firewall, doors } = setUp(two("open = tcp/6000-6010", "open = tcp/6005-6020,udp/53"));
    assert.deepEqual(kernel.elements("knockd", "guarded"), [
      "tcp 6000-6004 stays",
      "tcp 6005-6010 stays",
      "tcp 6011-6020 stays",
      "udp 53 stays",
    ]);
    firewall.open(doors[0]!, CLIENT);
    assert.equal(firewall.open(doors[1]!, CLIENT), "opened");
    assert.deepEqual(kernel.elements("knockd", "ranges4").sort(), [
      "192.168.1.63 tcp 6000-6004 30s a",
      "192.168.1.63 tcp 6005-6010 30s b",
      "192.168.1.63 tcp 6011-6020 30s b",
    ]);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 udp 53 30s b"]);
  });

  it("leaves a door `until closed` open", () => {
    const { kernel, firewall, doors } = setUp(`${SSH}for = until closed\n`);
    firewall.open(doors[0]!, CLIENT);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 stays openSSH"]);
    assert.equal(firewall.deadline, Number.POSITIVE_INFINITY);
    assert.equal(firewall.open(doors[0]!, CLIENT), "extended");
    assert.equal(firewall.extend("openSSH", CLIENT, 10), Number.POSITIVE_INFINITY);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 stays openSSH"]);
    assert.equal(firewall.closeAll().length, 1);
    assert.deepEqual(kernel.elements("knockd", "open4"), []);
  });

  it("closes a door that was open until closed, once the config gives it a time", () => {
    const { kernel, firewall, doors, apply } = setUp(`${SSH}for = until closed\n`);
    firewall.open(doors[0]!, CLIENT);
    apply(SSH);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
    assert.equal(firewall.deadline, 30);
    kernel.now = 20;
    apply(`${SSH}for = until closed\n`);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 10s openSSH"]);
  });

  it("takes over what an earlier run left open, with the remaining time", () => {
    const first = setUp(SSH);
    first.firewall.open(first.doors[0]!, CLIENT);
    first.firewall.end();
    assert.equal(first.kernel.sockets, 0);
    first.kernel.now = 12;
    orphan(first.kernel);
    const { firewall, kernel, list } = setUp(SSH, first.kernel);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 18s openSSH"]);
    assert.deepEqual(list(), ["openSSH 192.168.1.63 18"]);
    assert.equal(firewall.deadline, 30);
  });

  it("changes only the differences at a reload", () => {
    const { kernel, firewall, doors, apply } = setUp(two("open = tcp/22", "open = tcp/80"));
    firewall.open(doors[0]!, CLIENT);
    firewall.open(doors[1]!, OTHER);
    const batches = kernel.batches.length;
    apply(two("open = tcp/22", "open = tcp/80"));
    assert.equal(kernel.batches.length, batches);
    apply(two("open = tcp/22", "open = tcp/443"));
    const types = [...readMessages(kernel.batches.at(-1)!)].map(({ type }) => type);
    assert.ok(!types.includes(MESSAGE.newTable), `${types}`);
    assert.deepEqual(kernel.elements("knockd", "guarded"), ["tcp 22 stays", "tcp 443 stays"]);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s a"]);
    assert.equal(firewall.size, 1);
  });

  it("keeps at a reload what is open, in mode `mark` too, whose table closes no port", () => {
    for (const mode of ["gate", "mark 0x40"]) {
      const config = `[options]\nFirewall = ${mode}\n${SSH}`;
      const { kernel, firewall, doors, apply } = setUp(config);
      firewall.open(doors[0]!, CLIENT);
      apply(config);
      apply(`${config}[web]\nsequence = 4,5,6\nopen = tcp/443\n`);
      apply(config);
      assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"], mode);
      assert.deepEqual(kernel.elements("knockd", "guarded"), mode === "gate" ? ["tcp 22 stays"] : []);
    }
  });

  it("at a reload closes what belongs to a removed door, and opens nothing new", () => {
    const { kernel, firewall, doors, apply } = setUp(two("open = tcp/6000-6010", "open = tcp/6005"));
    firewall.open(doors[0]!, CLIENT);
    firewall.open(doors[1]!, OTHER);
    apply("[a]\nsequence = 1,2,3\nopen = tcp/6000-6010\n");
    assert.deepEqual(kernel.elements("knockd", "ranges4"), ["192.168.1.63 tcp 6000-6010 30s a"]);
    assert.deepEqual(kernel.elements("knockd", "open4"), []);
    apply("[a]\nsequence = 1,2,3\nopen = tcp/6000-6020\n");
    assert.deepEqual(kernel.elements("knockd", "ranges4"), []);
    assert.equal(firewall.size, 0);
  });

  it("removes its table when no door needs it any more", () => {
    const { kernel, apply } = setUp(SSH);
    apply("[openSSH]\nsequence = 1,2,3\nstart_command = true\n");
    assert.equal(kernel.tables.size, 0);
    assert.equal(kernel.sockets, 0);
  });

  it("records the ports that the gate closes, and removes the record when no door needs it", () => {
    const { record, apply, troubles } = setUp(`[options]\nGate_Allow = 10.0.0.0/8\nGate_Reply = drop\n${SSH}`);
    const network = { address: parseAddress("10.0.0.0"), prefix: 8 };
    const ports = [{ protocol: "tcp", low: 22, high: 22 }];
    assert.deepEqual(record.kept, { mode: "gate", ports, allow: [network], reply: "drop" });
    apply("[openSSH]\nsequence = 1,2,3\nstart_command = true\n");
    assert.equal(record.kept, undefined);
    assert.deepEqual(troubles, []);
  });

  it("continues if that record cannot be written, and reports it", () => {
    const record = new FakeRecord();
    record.refuses = true;
    const { firewall, doors, troubles } = setUp(SSH, new FakeNftables(), true, { record });
    assert.deepEqual(troubles, ["gate not recorded: No space left on device"]);
    assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
  });

  it("removes the table of an earlier daemon with this config if it is not needed, but not a table with an owner", () => {
    const without = "[openSSH]\nsequence = 1,2,3\nstart_command = true\n";
    const { kernel, firewall, record } = setUp(SSH);
    setUp(without, kernel, true, { record });
    assert.equal(kernel.tables.size, 1, "its owner lives");
    record.save({});
    firewall.end();
    orphan(kernel);
    setUp(without, kernel, true, { record, config: "/etc/other.conf" });
    assert.equal(kernel.tables.size, 1, "it is another config's");
    record.save({});
    const { troubles } = setUp(without, kernel, true, { record });
    assert.equal(kernel.tables.size, 0);
    assert.equal(kernel.sockets, 0);
    record.save({});
    kernel.refusesAll = "EPERM";
    assert.deepEqual(troubles, []);
    assert.match(`${setUp(without, kernel, true, { record }).troubles}`, /^old table stays: .*EPERM/);
    assert.equal(record.isThere, true);
  });

  it("changes nothing if a reload is refused", () => {
    const { kernel, firewall, doors, apply } = setUp(SSH);
    kernel.refusals.push("ENOMEM");
    assert.throws(() => apply("[openSSH]\nsequence = 1,2,3\nopen = tcp/22,udp/53\n"), FirewallError);
    assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
  });

  it("owns its table if the kernel supports it, and otherwise is notified when the table is removed", () => {
    assert.equal(setUp(SSH).watches(), 0);
    const old = new FakeNftables();
    old.knownFlags = 1;
    const { firewall, apply, watches } = setUp(SSH, old);
    assert.equal(firewall.isOwned, false);
    assert.equal(watches(), 1);
    apply(SSH.replace("22", "23"));
    assert.equal(watches(), 1, "after a reload");
  });

  it("rebuilds its table after a flush, with the remaining times", () => {
    const { kernel, firewall, doors, change, restored } = setUp(SSH, new FakeNftables(), false);
    firewall.open(doors[0]!, CLIENT);
    firewall.open(doors[0]!, OTHER);
    firewall.close("openSSH", OTHER);
    kernel.now = 10;
    kernel.tables = new Map();
    change(new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "other").bytes);
    assert.equal(kernel.tables.size, 0);
    change(new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "knockd").bytes);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 20s openSSH"]);
    assert.deepEqual(restored, [[1, undefined]]);
  });

  it("rebuilds its table in one batch, so that a gate is never missing in between", () => {
    const { kernel, firewall, doors, change } = setUp(SSH, new FakeNftables(), false);
    firewall.open(doors[0]!, CLIENT);
    kernel.tables = new Map();
    const before = kernel.requests;
    change(new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "knockd").bytes);
    assert.equal(kernel.requests - before, 1);
    assert.deepEqual(kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
  });

  it("rebuilds for the last reload, even if the gate was opened by hand", () => {
    const { kernel, firewall, apply, change } = setUp(SSH, new FakeNftables(), false);
    const flush = () => {
      kernel.tables = new Map();
      change(new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "knockd").bytes);
      return kernel.elements("knockd", "guarded").length;
    };
    const ssh = flush();
    apply(SSH.replace("tcp/22", "tcp/23"));
    const other = flush();
    firewall.guard(false);
    assert.deepEqual([ssh, other, flush()], [1, 1, 0]);
    assert.equal(kernel.tables.size, 1);
  });

  it("leaves another table alone that has replaced its own", () => {
    const { kernel, change, restored } = setUp(SSH, new FakeNftables(), false);
    const others = setUp(SSH, new FakeNftables(), false, { config: "/etc/other.conf" }).kernel.tables;
    kernel.tables = others;
    change(new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "knockd").bytes);
    assert.equal(kernel.tables, others);
    assert.match(restored[0]![1]!, /table `inet knockd`/);
  });

  it("rebuilds its table once for all messages of a flush, and again if the table is removed later", () => {
    const { kernel, change, restored } = setUp(SSH, new FakeNftables(), false);
    const gone = new NetlinkWriter().message(MESSAGE.delTable, 0, 1).string(TABLE.name, "knockd").bytes;
    kernel.tables = new Map();
    change(gone);
    change(gone);
    assert.equal(restored.length, 1);
    kernel.tables = new Map();
    change(gone);
    assert.equal(restored.length, 2);
    assert.deepEqual(kernel.elements("knockd", "guarded"), ["tcp 22 stays"]);
  });

  it("rebuilds its table at an opening if it was not notified of the removal", () => {
    const { kernel, firewall, doors, restored } = setUp(SSH, new FakeNftables(), false);
    firewall.open(doors[0]!, CLIENT);
    kernel.tables = new Map();
    assert.equal(firewall.open(doors[0]!, OTHER), "opened");
    assert.deepEqual(kernel.elements("knockd", "open4").sort(), [
      "192.168.1.63 tcp 22 30s openSSH",
      "192.168.1.99 tcp 22 30s openSSH",
    ]);
    assert.deepEqual(restored, [[1, undefined]]);
  });

  it("retries after EAGAIN and EINTR", () => {
    const { kernel, firewall, doors } = setUp(SSH);
    kernel.refusals.push("EAGAIN", "EINTR", "EBUSY");
    assert.equal(firewall.open(doors[0]!, CLIENT), "opened");
  });

  it("reports why nothing was opened", () => {
    const { kernel, firewall, doors } = setUp(SSH);
    for (const [refusal, failed] of [
      ["EPERM", "the kernel does not permit it (EPERM)"],
      ["ENFILE", "the set is full (ENFILE)"],
      ["ENOSPC", "the set is full (ENOSPC)"],
      ["EINVAL", "nf_tables answers EINVAL"],
    ] as const) {
      kernel.refusals.push(refusal);
      assert.deepEqual(firewall.open(doors[0]!, CLIENT), { failed });
    }
    assert.equal(firewall.size, 0);
  });

  it("opens 65,536 doors, and reports the limit", () => {
    const { firewall, doors } = setUp(SSH);
    const client = (i: number) => ({ w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000000 + i });
    for (let i = 0; i < 65_536; i++) assert.equal(firewall.open(doors[0]!, client(i)), "opened");
    assert.equal(firewall.size, 65_536);
    assert.deepEqual(firewall.open(doors[0]!, CLIENT), { failed: "too many doors are open (65536)" });
    assert.equal(firewall.open(doors[0]!, client(0)), "extended");
  });
});

describe("a firewall reports why it cannot work", () => {
  const refused = (text: string, kernel: FakeNftables): string => {
    try {
      setUp(text, kernel);
    } catch (error) {
      assert.ok(error instanceof FirewallError);
      assert.equal(kernel.sockets, 0, "the socket is closed");
      return error.message;
    }
    return "";
  };
  const inKernel = (write: (w: NetlinkWriter) => void): FakeNftables => {
    const kernel = new FakeNftables();
    const w = new NetlinkWriter().beginBatch();
    write(w);
    const socket = kernel.openSocket();
    assert.equal(socket.transact(w.endBatch().bytes), 0);
    socket.close();
    return kernel;
  };
  const SET_MODE = `[options]\nFirewall = set inet filter knocked4 knocked6\n${SSH}`;
  const userSets = (
    flags: number,
    type4: number,
    length4: number,
    names: readonly string[] = ["knocked4", "knocked6"],
  ): FakeNftables =>
    inKernel((w) => {
      w.message(MESSAGE.newTable, 0, 1).string(TABLE.name, "filter");
      for (const name of names) {
        const [type, length] = name.endsWith("4") ? [type4, length4] : [KEY_TYPE.ipv6Port, 24];
        w.message(MESSAGE.newSet, 0, 1).string(SET.table, "filter").string(SET.name, name);
        w.u32(SET.flags, flags).u32(SET.keyType, type).u32(SET.keyLength, length);
      }
    });

  it("without CAP_NET_ADMIN", () => {
    const kernel = new FakeNftables();
    kernel.refusesAll = "EPERM";
    assert.match(refused(SSH, kernel), /does not permit it\n.*CAP_NET_ADMIN/);
  });

  it("without nf_tables in the kernel", () => {
    const kernel = new FakeNftables();
    kernel.refusesAll = "EOPNOTSUPP";
    assert.match(refused(SSH, kernel), /this kernel has no nf_tables/);
  });

  it("if a table of its name belongs to another program", () => {
    const kernel = inKernel((w) => w.message(MESSAGE.newTable, 0, 1).string(TABLE.name, "knockd"));
    assert.match(refused(SSH, kernel), /did not make\nTo remove it: nft delete table inet knockd/);
    assert.equal(kernel.tables.size, 1);
  });

  it("if a table belongs to another config and has no owner, and leaves it alone", () => {
    const first = setUp(SSH);
    first.firewall.open(first.doors[0]!, CLIENT);
    first.firewall.end();
    orphan(first.kernel);
    const message = (() => {
      try {
        setUp("[web]\nsequence = 4,5,6\nopen = tcp/80\n", first.kernel, true, { config: "/etc/other.conf" });
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    })();
    assert.match(
      message,
      /serves the doors of \/etc\/knockd\.conf, not those of \/etc\/other\.conf\n.*knockctl gate open$/,
    );
    assert.equal(first.kernel.sockets, 0);
    assert.deepEqual(first.kernel.elements("knockd", "guarded"), ["tcp 22 stays"]);
    assert.deepEqual(first.kernel.elements("knockd", "open4"), ["192.168.1.63 tcp 22 30s openSSH"]);
    assert.equal(setUp(SSH, first.kernel).firewall.size, 1);
  });

  it("but recognises its table by a path that is too long for a comment or cannot be quoted", () => {
    for (const config of [`/etc/${"x".repeat(200)}.conf`, '/etc/a"b.conf', "/etc/höhle.conf"]) {
      const { kernel, firewall } = setUp(SSH, new FakeNftables(), true, { config });
      const comment = commentIn(kernel.tables.get("knockd")!.attributes.get(TABLE.userdata));
      assert.match(comment!, /^made by knockd for sha256:[0-9a-f]{64}$/);
      firewall.end();
      orphan(kernel);
      setUp(SSH, kernel, true, { config }).firewall.end();
      orphan(kernel);
      assert.throws(() => setUp(SSH, kernel, true, { config: `${config}2` }), FirewallError);
    }
  });

  it("if another process owns its table", () => {
    const { kernel } = setUp(SSH);
    kernel.sockets = 0;
    assert.match(refused(SSH, kernel), /belongs to another process/);
  });

  it("if the user's set does not exist", () => {
    assert.match(
      refused(SET_MODE, new FakeNftables()),
      /there is no set `inet filter knocked4`\nTo add it: nft add set/,
    );
  });

  it("if a set has no timeouts", () => {
    assert.match(refused(SET_MODE, userSets(0, KEY_TYPE.ipv4Port, 12)), /`inet filter knocked4` has no timeouts/);
  });

  it("if a set has another key", () => {
    assert.match(refused(SET_MODE, userSets(0x10, 7, 4)), /`inet filter knocked4` has another key than `ipv4_addr \. /);
  });

  it("if a set has no ranges and a door opens many ports", () => {
    const wide = SET_MODE.replace("tcp/22", "tcp/1000-1999");
    assert.match(
      refused(wide, userSets(0x10, KEY_TYPE.ipv4Port, 12)),
      /opens too many ports \(1000\) for the set .* no ranges/,
    );
    assert.equal(refused(wide, userSets(0x14, KEY_TYPE.ipv4Port, 12)), "");
  });

  it("but opens the ports of a range one by one in a set without ranges", () => {
    const kernel = userSets(0x10, KEY_TYPE.ipv4Port, 12);
    const { firewall, doors } = setUp(SET_MODE.replace("tcp/22", "tcp/80-82"), kernel);
    firewall.open(doors[0]!, CLIENT);
    assert.deepEqual(kernel.elements("filter", "knocked4"), [
      "192.168.1.63 tcp 80 30s openSSH",
      "192.168.1.63 tcp 81 30s openSSH",
      "192.168.1.63 tcp 82 30s openSSH",
    ]);
    assert.equal(kernel.tables.has("knockd"), false);
  });

  it("but opens a network as a range in a set with ranges", () => {
    const kernel = userSets(0x14, KEY_TYPE.ipv4Port, 12);
    const { firewall, doors } = setUp(`${SET_MODE}open_prefix_6 = 64\n`, kernel);
    firewall.open(doors[0]!, parseAddress("2001:db8::63")!);
    const [from, to] = ["20010db8000000000000000000000000", "20010db800000000ffffffffffffffff"];
    const [element] = [...kernel.tables.get("filter")!.sets.get("knocked6")!.elements.keys()];
    assert.equal(element, `${from}0600000000160000-${to}0600000000160000`);
  });

  it("if a set has no ranges and a door admits an IPv6 network", () => {
    const network = `${SET_MODE}open_prefix_6 = 64\n`;
    assert.match(
      refused(network, userSets(0x10, KEY_TYPE.ipv4Port, 12)),
      /"openSSH" lets IPv6 networks in, and the set `inet filter knocked6` has no ranges/,
    );
    assert.equal(refused(network, userSets(0x14, KEY_TYPE.ipv4Port, 12)), "");
  });

  it("and leaves nothing open in the user's sets when it no longer needs them", () => {
    for (const next of [
      "[openSSH]\nsequence = 1,2,3\nstart_command = true\n",
      SSH,
      SET_MODE.replace("knocked4 knocked6", "other4 other6"),
    ]) {
      const kernel = userSets(0x10, KEY_TYPE.ipv4Port, 12, ["knocked4", "knocked6", "other4", "other6"]);
      const { firewall, doors, apply } = setUp(`${SET_MODE}for = until closed\n`, kernel);
      firewall.open(doors[0]!, CLIENT);
      assert.deepEqual(kernel.elements("filter", "knocked4"), ["192.168.1.63 tcp 22 stays openSSH"]);
      apply(next);
      assert.deepEqual(kernel.elements("filter", "knocked4"), [], next);
    }
  });

  it("and removes the gate of an earlier daemon, whose ports the user's own rules close from now on", () => {
    const kernel = userSets(0x10, KEY_TYPE.ipv4Port, 12);
    const { firewall, record } = setUp(SSH, kernel);
    firewall.end();
    orphan(kernel);
    assert.equal(kernel.tables.has("knockd"), true);
    const { troubles } = setUp(SET_MODE, kernel, true, { record });
    assert.deepEqual([kernel.tables.has("knockd"), record.isThere, troubles], [false, false, []]);
  });

  it("if two doors have the same name", () => {
    assert.match(refused(SSH + SSH, new FakeNftables()), /two doors with `open` are called "openSSH"/);
  });
});
