// Built-in doors beside the firewalls that need a booted system: Debian's real firewalld and Docker, started by systemd. The
// gate refuses strangers at ports that both of them let in, and their reloads and restarts leave it and its doors alone.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { connect, serve } from "../live/gate-wire.ts";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { install, OURS } from "./scene.ts";

const KNOCKS = [4438, 1813, 8235];
const STRANGER = "10.77.0.3";
const config = (port: number) =>
  `[options]\n\tInterface = eth0\n[door]\n\tsequence = ${KNOCKS}\n\ttcpflags = syn\n\topen = tcp/${port}\n\tfor = 1h\n`;

for (const release of RELEASES) {
  describe(`built-in doors on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function boot(): Promise<void> {
      machine = await Machine.boot(`firewalls-${release}`);
      await machine.wire.run("client", ["ip", "address", "add", `${STRANGER}/24`, "dev", "eth0"]);
      await install(machine, OURS);
    }

    /** As `connect` says it: the client's connection, and the stranger's. */
    const tried = async (port: number) => [
      await connect(machine.wire, port),
      await connect(machine.wire, port, { from: STRANGER }),
    ];

    /** The config has one door, to that port. It is closed to both, then open to the client that knocks. */
    async function opens(port: number): Promise<void> {
      assert.deepEqual(await tried(port), ["in", "in"], "without knockd");
      machine.write("etc/knockd.conf", config(port));
      await machine.ok("systemctl restart knockd");
      assert.deepEqual(await tried(port), ["refused", "refused"]);
      await machine.knock(...KNOCKS);
      await machine.until(async () => (await connect(machine.wire, port)) === "in", "open door");
      assert.deepEqual(await tried(port), ["in", "refused"]);
    }

    /** Of knockctl check: what it says about this host's firewall. */
    const trap = async () => (await machine.run("knockctl check --json")).stdout.match(/"lint":"own-firewall".*/)?.[0];
    const initSays = async (port: number) => {
      const { stdout, stderr } = await machine.run(
        `knockctl init --dry-run --interface eth0 --port ${port} </dev/null`,
      );
      return stdout + stderr;
    };

    it("firewalld: its reload and restart leave the gate and who is in alone; check and init recognise it", async () => {
      await boot();
      await serve(machine.wire, [22, 8080]);
      await machine.ok("systemctl enable --now firewalld");
      assert.equal(await machine.ok("firewall-cmd --state"), "running\n");
      assert.notEqual(
        await connect(machine.wire, 8080),
        "in",
        "firewalld lets in what its zone names, and nothing else",
      );

      await opens(22);
      for (const command of [
        "firewall-cmd --reload",
        "firewall-cmd --complete-reload",
        "systemctl restart firewalld",
      ]) {
        await machine.ok(command);
        assert.deepEqual(await tried(22), ["in", "refused"], command);
      }
      assert.equal(await trap(), undefined);
      assert.match(await initSays(22), /gate: .*\n.*because firewalld writes the rules of this host/);

      await machine.ok("firewall-cmd --permanent --remove-service=ssh && firewall-cmd --reload");
      assert.notEqual(await connect(machine.wire, 22), "in", "firewalld refuses what the gate lets in");
      const cure = "firewall-cmd --permanent --add-port=22/tcp && firewall-cmd --reload";
      const found = await trap();
      assert.match(found ?? "", /your own firewall refuses it too: a knock opens nothing/);
      assert.ok(found!.includes(cure), found);
      assert.ok((await initSays(22)).includes(cure));
      await machine.ok(cure);
      assert.deepEqual(await tried(22), ["in", "refused"]);
      assert.equal(await trap(), undefined);
    });

    it("Docker: a published port is guarded, and a restart leaves the gate and who is in alone", async () => {
      await boot();
      // Docker asks for 1 here. The other driver would put an overlay onto this machine's own.
      await machine.ok("sysctl -w net.ipv4.ip_forward=1");
      machine.write("etc/docker/daemon.json", '{ "storage-driver": "vfs" }\n');
      await machine.ok("systemctl enable --now docker");
      await machine.ok("mkdir -p /tmp/image/bin && cp $(command -v busybox) /tmp/image/bin");
      await machine.ok("tar -C /tmp/image -c . | docker import - busybox");
      await machine.ok(
        "docker run -d --restart always -p 8080:80 busybox /bin/busybox nc -ll -p 80 -e /bin/busybox true",
      );
      await machine.until(async () => (await connect(machine.wire, 8080)) === "in", "container");

      await opens(8080);
      await machine.ok("systemctl restart docker");
      await machine.until(async () => (await connect(machine.wire, 8080)) === "in", "container");
      assert.deepEqual(await tried(8080), ["in", "refused"], "after its restart");
      assert.equal(await trap(), undefined);
      assert.match(
        await initSays(8080),
        /gate: .*\n.*because Docker publishes port 8080, and your own rules never see it/,
      );
      machine.write("etc/knockd.conf", config(8080).replace("eth0", "eth0\n\tFirewall = mark 0x100000"));
      assert.match(
        (await trap()) ?? "",
        /Docker publishes it, and your INPUT rules never see it: a mark closes nothing/,
      );
    });
  });
}
