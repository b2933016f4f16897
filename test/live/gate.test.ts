// Tests knockd --gate, which closes ports before the daemon starts, and knockctl gate, the way back in from the
// console: on a real kernel, with real connections.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Host, Session, until } from "./host.ts";
import { needsRoot, repo } from "./wire.ts";

const TCP = `import socket; socket.create_connection(('127.0.0.1', 22), 9)`;
const CONFIG = `[options]
Interface = eth0
Gate_Allow = 10.99.0.0/16,fd99::1
[ssh]
sequence = 4438:udp,1813:udp,8235:udp
open = tcp/22,udp/60000-61000
`;

describe("the gate without a daemon", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
    writeFileSync(host.config, CONFIG);
  });
  afterEach(() => host?.close());

  const knockd = (...words: readonly string[]) =>
    host.run(process.execPath, join(repo, "dist/src/knockd.js"), ...words, "-c", host.config);
  const gate = (...words: readonly string[]) => host.knockctl("gate", ...words);
  const withConfig = (word: "open" | "close") => gate(word, ...(word === "close" ? ["-c", host.config] : []));

  it("is built even if no door can open now: sequences used up, clients unreadable, a mistake in a door", async () => {
    const [sequences, clients] = [`${host.config}.sequences`, `${host.config}.clients`];
    writeFileSync(sequences, "#1,2,3\n", { mode: 0o600 });
    writeFileSync(clients, "[phone\n", { mode: 0o644 });
    const doors = [
      `[once]\nOne_Time_Sequences = ${sequences}\nopen = tcp/22\n`,
      `[codes]\nClients = ${clients}\nopen = tcp/80\n`,
      "[late]\nsequence = 1,2,3\nseq_timeout = 0\nopen = udp/53\n",
    ];
    writeFileSync(host.config, doors.join(""), { mode: 0o600 });
    const { status, stdout } = await knockd("--gate");
    assert.deepEqual([status, stdout], [0, "gate: closed tcp/22, tcp/80, udp/53\n"]);
    assert.equal(await host.isOpen(), false);
  });

  it("is built by knockd --gate, which exits: new connections are refused, open sessions continue", async () => {
    const session = await Session.open(host.wire);
    const { status, stdout, stderr } = await knockd("--gate");
    assert.deepEqual([status, stdout, stderr], [0, "gate: closed tcp/22, udp/60000-61000\n", ""]);
    assert.equal(await host.isOpen(), false);
    assert.equal(await host.isOpen(host.wire.server6), false);
    await session.answers("still here");
    assert.equal((await host.run("python3", "-c", TCP)).stderr, "");

    const again = await knockd("--gate");
    assert.deepEqual([again.status, again.stdout], [0, "gate: closed tcp/22, udp/60000-61000\n"]);
    assert.equal(await host.isOpen(), false);
  });

  it("keeps open doors when it is built again, and admits the networks that need no knock", async () => {
    await knockd("--gate");
    await host.ok(`nft add element inet knockd open4 '{ ${host.wire.client} . tcp . 22 timeout 1h comment "ssh" }'`);
    assert.equal(await host.isOpen(), true);
    await knockd("--gate");
    assert.equal(await host.isOpen(), true, "the client has knocked");
    assert.equal(await host.isOpen(host.wire.server6), false);
    writeFileSync(host.config, CONFIG.replace("fd99::1", "fd77::/64"));
    await knockd("--gate");
    assert.equal(await host.isOpen(host.wire.server6), true);
  });

  it("has nothing to do without a built-in door, or with the user's own sets, and says so", async () => {
    writeFileSync(host.config, "[ssh]\nsequence = 4438,1813\ncommand = true\n");
    const none = await knockd("--gate");
    assert.equal(none.status, 0);
    assert.match(none.stdout, /^gate: no door of .* has open, so there is nothing to close\n$/);
    writeFileSync(host.config, `[options]\nFirewall = set inet filter a b\n${CONFIG.replace(/^.*Gate_Allow.*$/m, "")}`);
    assert.match((await knockd("--gate")).stdout, /^gate: Firewall = set has no table of knockd's/);
    assert.equal(await host.ok("nft list ruleset"), "");
  });

  it("fails with a line if the config is wrong, or if the table belongs to another program", async () => {
    await host.ok("nft add table inet knockd '{ chain mine { type filter hook input priority 0; }; }'");
    const before = await host.ok("nft list ruleset");
    for (const { status, stderr } of [await knockd("--gate"), await withConfig("close"), await withConfig("open")]) {
      assert.notEqual(status, 0);
      assert.match(stderr, /firewall: there is a table `inet knockd` that .*knockd did not make/);
    }
    assert.equal(await host.ok("nft list ruleset"), before);
    writeFileSync(host.config, "[ssh]\nsequence = 4438\nopen = tcp/0\n");
    const { status, stdout, stderr } = await knockd("--gate");
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^config: line 3: open: "tcp\/0" is not in the range 1 to 65535/);
  });

  it("closes the ports of all readable lines if the config is refused, and names the wrong line", async () => {
    writeFileSync(host.config, `${CONFIG}a line that is none\n[web]\nsequence = 1,2\nopen = tcp/80,tcp/8o\n`);
    const { status, stdout, stderr } = await knockd("--gate");
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^config: line 7: syntax error /);
    assert.match(stderr, /^gate: closed what the other lines name: tcp\/22, tcp\/80, udp\/60000-61000$/m);
    assert.equal(await host.isOpen(), false);
    assert.equal(await host.isOpen(host.wire.server6), false);
    await gate("open");
    const closed = await withConfig("close");
    assert.notEqual(closed.status, 0);
    assert.match(
      closed.stderr,
      /line 7: syntax error .*\n.*gate: closed what the other lines name: tcp\/22, tcp\/80, /,
    );
    assert.equal(await host.isOpen(), false);
  });

  it("leaves the existing table unchanged if the config is refused later", async () => {
    await knockd("--gate");
    await host.ok(`nft add element inet knockd open4 '{ ${host.wire.client} . tcp . 22 timeout 1h comment "ssh" }'`);
    const before = (await host.ok("nft list table inet knockd")).replace(/expires \S+/, "");
    writeFileSync(host.config, "nonsense\n");
    const { status, stderr } = await knockd("--gate");
    assert.equal(status, 1);
    assert.match(stderr, /^gate: the table that is there stays, and closes tcp\/22, udp\/60000-61000$/m);
    assert.equal((await host.ok("nft list table inet knockd")).replace(/expires \S+/, ""), before);
  });

  describe("if the config is lost", () => {
    /** The record of a daemon that has read it. */
    beforeEach(async () => {
      writeFileSync(host.config, CONFIG.replace("[ssh]", "Gate_Reply = drop\n[ssh]"));
      await daemon();
      await gate("open");
    });
    /** A daemon that has started and is then killed. */
    async function daemon(): Promise<void> {
      const argv = [
        process.execPath,
        join(repo, "dist/src/knockd.js"),
        "-d",
        "-c",
        host.config,
        "-p",
        "/run/knockd.pid",
      ];
      await host.ok(argv.join(" "));
      const pid = (await host.ok("cat /run/knockd.pid")).trim();
      await host.ok(`kill -9 ${pid}`);
      await until(async () => (await host.run("test", "-e", `/proc/${pid}`)).status !== 0, "its end");
    }
    const record = async () => (await host.ok("ls /run/knockd/*.gate")).trim();

    for (const [what, ...steps] of [
      ["missing", () => rmSync(host.config)],
      ["empty", () => writeFileSync(host.config, "")],
      ["unreadable", () => rmSync(host.config), () => mkdirSync(host.config)],
      ["full of other bytes", () => writeFileSync(host.config, Buffer.alloc(300))],
    ] as const) {
      it(`closes the ports that it closed before: the file is ${what}`, async () => {
        for (const step of steps) step();
        const { status, stdout, stderr } = await knockd("--gate");
        assert.deepEqual([status, stdout], [1, ""]);
        assert.match(stderr, new RegExp(host.config), "what is wrong with the config");
        assert.match(stderr, /^gate: closed what it closed before the config was lost: tcp\/22, udp\/60000-61000$/m);
        assert.match(stderr, /^To open it: knockctl gate open\. To leave it open at each boot: systemctl disable /m);
        const { stdout: shown } = await gate("show");
        assert.match(shown, /^The gate closes tcp\/22, udp\/60000-61000 /m);
        assert.match(shown, /^No knock needed from: 10\.99\.0\.0\/16, fd99::1$/m);
        assert.doesNotMatch(await host.ok("nft list table inet knockd"), /reject/);
        await gate("open");
        assert.equal(await host.isOpen(), true);
      });
    }

    it("closes nothing after Firewall = mark, where the user's own rules close the ports", async () => {
      writeFileSync(host.config, CONFIG.replace(/^Gate_Allow.*$/m, "Firewall = mark 0x40"));
      await daemon();
      await gate("open"); // without the table, as after a reboot
      rmSync(host.config);
      const { status, stderr } = await knockd("--gate");
      assert.equal(status, 1);
      assert.match(stderr, /^gate: Firewall = mark leaves the ports to your own rules$/m);
      assert.equal(await host.isOpen(), true);
    });

    it("ignores a record that others could have written, or that is invalid, and says so", async () => {
      rmSync(host.config);
      const file = `'${await record()}'`;
      await host.ok(`chmod 666 ${file}`);
      const open = await knockd("--gate");
      assert.equal(open.status, 1);
      assert.match(open.stderr, /^gate: nothing is closed: \/run\/knockd\/\S+\.gate: other users can write it$/im);
      await host.ok(`chmod 600 ${file}; echo '{"mode":"gate","ports":["tcp/0"]}' >${file}`);
      assert.match(
        (await knockd("--gate")).stderr,
        /^gate: nothing is closed: \/run\/knockd\/\S+\.gate: not readable$/im,
      );
      await host.ok(`rm ${file}`);
      assert.match((await knockd("--gate")).stderr, /^gate: nothing is closed: no knockd has closed a port /m);
      assert.equal(await host.isOpen(), true);
    });

    it("does not close ports of doors that were removed from the config, even after a daemon has read that", async () => {
      const without = "[web]\nsequence = 1,2,3\ncommand = true\n";
      writeFileSync(host.config, `${without}a line that is none\n`);
      assert.match((await knockd("--gate")).stderr, /^gate: no line that can be read names a port/m);
      writeFileSync(host.config, `[options]\nInterface = eth0\n${without}`);
      assert.equal((await knockd("--gate")).status, 0);
      await daemon();
      await assert.rejects(record(), /No such file/);
      rmSync(host.config);
      assert.match((await knockd("--gate")).stderr, /^gate: nothing is closed: no knockd has closed a port /m);
      assert.equal(await host.isOpen(), true);
    });
  });

  it("belongs to one config: a daemon with another one is refused, and changes neither ports nor clients", async () => {
    await knockd("--gate");
    await host.ok(`nft add element inet knockd open4 '{ ${host.wire.client} . tcp . 22 timeout 1h comment "ssh" }'`);
    const other = `${host.config}.other`;
    writeFileSync(other, "[options]\nInterface = eth0\n[web]\nsequence = 1,2,3\nopen = tcp/80\n");
    const table = async () => (await host.ok("nft list table inet knockd")).replace(/expires \S+/, "");
    const before = await table();
    assert.match(before, new RegExp(`comment "made by knockd for ${host.config}"`));
    const program = join(repo, "dist/src/knockd.js");
    const why = new RegExp(`serves the doors of ${host.config}, not those of ${other}`);
    for (const argv of [
      [program, "-c", other],
      [program, "--gate", "-c", other],
      [join(repo, "dist/src/knockctl.js"), "gate", "close", "-c", other],
      [join(repo, "dist/src/knockctl.js"), "init", "--yes", "--interface", "eth0", "-c", other],
    ]) {
      const { status, stderr } = await host.run(process.execPath, ...argv);
      assert.notEqual(status, 0, `${argv}`);
      assert.match(stderr, why, `${argv}`);
      assert.match(stderr, /knockctl gate open/);
      assert.equal(await table(), before, `${argv}`);
    }
    assert.equal(await host.isOpen(), true, "its client is still in");
    assert.match((await gate("show")).stdout, new RegExp(`^Config: ${host.config}$`, "m"));
    await gate("open");
    assert.equal((await host.run(process.execPath, program, "--gate", "-c", other)).status, 0);
  });

  it("is shown, opened and closed by knockctl gate", async () => {
    const none = await gate("show");
    assert.deepEqual([none.status, none.stdout], [1, "knockd has no table in this kernel: it closes no port.\n"]);
    assert.match((await withConfig("open")).stdout, /^The gate is open: knockd has no table in this kernel\.$/m);

    const closed = await withConfig("close");
    assert.equal(closed.status, 0, closed.stderr);
    assert.match(closed.stdout, /^knockd does not run: no client can knock\.$/m);
    assert.equal(await host.isOpen(), false);
    await host.ok(`nft add element inet knockd open6 '{ fd77::7 . tcp . 22 timeout 1h comment "ssh" }'`);
    const { status, stdout } = await gate("show");
    assert.equal(status, 0);
    assert.match(stdout, /^The gate closes tcp\/22, udp\/60000-61000 to clients that have not knocked\.$/m);
    assert.match(stdout, /^It fails open: /m);
    assert.match(stdout, /^No knock needed from: 10\.99\.0\.0\/16, fd99::1$/m);
    assert.match(stdout, /^fd77::7 +tcp\/22 +ssh +(1 h|60 min) +not used$/m);
    for (const [port, isClosed] of [
      ["tcp/22", true],
      ["udp/60500-60600", true],
      ["tcp/22,udp/60000", true],
      ["tcp/22,tcp/23", false],
      ["udp/59999-60000", false],
    ] as const) {
      assert.equal((await gate("show", port)).status, isClosed ? 0 : 1, port);
    }
    const [line, open] = (await gate("show", "--json")).stdout.split("\n").map((text) => JSON.parse(text || "{}"));
    assert.deepEqual(line, {
      ...{ version: 1, type: "gate", mode: "gate", config: host.config, closed: ["tcp/22", "udp/60000-61000"] },
      ...{ allowed: ["10.99.0.0/16", "fd99::1"], owned: false },
    });
    assert.deepEqual(
      { ...open, left: 0 },
      { version: 1, type: "open", door: "ssh", client: "fd77::7", ports: "tcp/22", uses: 0, left: 0 },
    );

    const opened = await withConfig("open");
    assert.equal(opened.status, 0);
    assert.match(opened.stdout, /^The gate is open: everyone can reach tcp\/22, udp\/60000-61000\./);
    assert.equal(await host.isOpen(), true);
    assert.equal(await host.ok("nft list tables"), "");
  });

  it("can also be removed by nft: the table has no owner while no daemon runs", async () => {
    await knockd("--gate");
    await host.ok("nft delete table inet knockd");
    await until(() => host.isOpen(), "open port");
  });

  it("is only for root, and takes only ports", async () => {
    assert.equal((await gate("show", "22")).status, 2);
    assert.equal((await gate("lift")).status, 2);
    const nobody = await host.run(
      "setpriv",
      "--reuid=65534",
      "--clear-groups",
      process.execPath,
      join(repo, "dist/src/knockctl.js"),
      "gate",
      "show",
    );
    assert.equal(nobody.status, 3, nobody.stdout);
    assert.match(nobody.stderr, /firewall: /);
  });
});

describe("the gate of a daemon that owns its table", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
    writeFileSync(host.config, CONFIG);
    await host.ok(`${process.execPath} ${join(repo, "dist/src/knockd.js")} -d -c ${host.config} -p /run/knockd.pid`);
  });
  afterEach(() => host?.close());
  const gate = (word: "open" | "close" | "show") => host.knockctl("gate", word);
  const pid = () => host.ok("cat /run/knockd.pid");

  it("is shown with its owner; nft cannot remove it, knockctl gate open can, and a reload closes it again", async () => {
    assert.equal(await host.isOpen(), false);
    assert.match(
      (await host.knockctl("gate", "show")).stdout,
      new RegExp(`owned by process ${(await pid()).trim()}\\.`),
    );
    assert.notEqual((await host.run("nft", "delete", "table", "inet", "knockd")).status, 0);
    const opened = await gate("open");
    assert.match(opened.stdout, /^The gate is open: everyone can reach tcp\/22, udp\/60000-61000\.\nA reload or/);
    assert.equal(await host.isOpen(), true);
    assert.match((await host.knockctl("gate", "show")).stdout, /^The gate is open: it closes no port\.$/m);
    assert.equal((await host.knockctl("gate", "show", "tcp/22")).status, 1);
    const closed = await gate("close");
    assert.match(closed.stdout, /^The gate closes tcp\/22, udp\/60000-61000 to clients that have not knocked\.$/m);
    assert.equal(await host.isOpen(), false);
    await gate("open");
    await host.ok(`kill -HUP ${await pid()}`);
    await until(async () => !(await host.isOpen()), "closed port");
  });

  it("admits a client that knocked, both while it is open to all and after it is closed again", async () => {
    await gate("open");
    await host.knock(host.wire.server, "4438:udp", "1813:udp", "8235:udp");
    await until(async () => (await host.knockctl("gate", "show")).stdout.includes(host.wire.client), "the client");
    await gate("close");
    assert.equal(await host.isOpen(), true);
    assert.equal(await host.isOpen(host.wire.server6), false);
  });

  it("is not closed again by a running daemon that has no built-in door, and knockctl says so", async () => {
    writeFileSync(host.config, "[ssh]\nsequence = 4438,1813\n");
    await host.ok(`kill -HUP ${await pid()}`);
    await until(async () => (await host.knockctl("gate", "show")).status === 1, "table gone");
    writeFileSync(host.config, CONFIG); // and no reload
    const closed = await host.knockctl("gate", "close", "-c", host.config);
    assert.match(closed.stdout, /^The running knockd has no door with "open = \.\.\."\.$/m);
    assert.equal(await host.isOpen(), false);
    const { stdout } = await gate("open");
    assert.match(stdout, /^The running knockd has no door with "open = \.\.\.", so it does not close it again\.$/m);
    assert.equal(await host.isOpen(), true);
  });

  it("is not changed by knockd --gate, and outlives a killed daemon: then the console can remove it", async () => {
    const { status, stdout } = await host.run(
      process.execPath,
      join(repo, "dist/src/knockd.js"),
      "--gate",
      "-c",
      host.config,
    );
    assert.deepEqual([status, stdout], [0, "gate: a running knockd has built it already\n"]);
    await host.ok(`kill -9 ${await pid()}`);
    await until(async () => (await host.run("test", "-e", `/proc/${(await pid()).trim()}`)).status !== 0, "its end");
    assert.equal(await host.isOpen(), false);
    const opened = await gate("open");
    assert.equal(opened.status, 0, opened.stderr);
    assert.match(opened.stdout, /knockd does not run; when it starts, it closes the gate again\.$/m);
    assert.equal(await host.isOpen(), true);
  });

  it("makes knockd --gate fail while the daemon leaves a port open, which says how to close it", async () => {
    const built = () => host.run(process.execPath, join(repo, "dist/src/knockd.js"), "--gate", "-c", host.config);
    const leaves = (port: string) => `gate: a running knockd owns the table, and leaves ${port} open\n`;
    await gate("open");
    const opened = await built();
    assert.deepEqual([opened.status, opened.stderr], [1, `${leaves("tcp/22")}Close it: knockctl gate close\n`]);
    await gate("close");
    assert.equal((await built()).status, 0);
    writeFileSync(host.config, CONFIG.replace("tcp/22", "tcp/22,tcp/80"));
    const unread = await built();
    assert.deepEqual([unread.status, unread.stderr], [1, `${leaves("tcp/80")}Reload it: systemctl reload knockd\n`]);
    await host.ok(`kill -HUP ${await pid()}`);
    await until(async () => (await built()).status === 0, "reload");
  });

  it("names the owner if it does not answer, and says what to do", async () => {
    await host.ok(`kill -STOP ${await pid()}`);
    const { status, stderr } = await gate("open");
    assert.equal(status, 3);
    assert.match(stderr, new RegExp(`a process \\(${(await pid()).trim()}\\) owns the gate, and does not answer: `));
    const [, cure] = /kill -9 \d+/.exec(stderr) ? [0, /kill -9 \d+/.exec(stderr)![0]] : [];
    await host.ok(cure!);
    await until(async () => (await gate("open")).status === 0, "open gate");
    assert.equal(await host.isOpen(), true);
  });
});
