// The client: knock HOST PORT[:PROTO] ..., one packet to each port, in order.
//
// Half a knock opens nothing, so everything is checked before the first packet, and a packet that this machine cannot
// send ends it. Answers to the knocks do not matter: a closed port answers, a firewall does not, both are fine.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { plural } from "../terminal/plural.ts";
import { type Knock, parseDelay, parseKnock, parseRetry, parseVerify } from "./arguments.ts";
import { CODE_DELAY_MS, CODE_END_MS, codeKnocks, untilNextCode } from "./code-knock.ts";
import { NOT_OPEN, readCommandLine } from "./command-line.ts";
import { Complaint } from "./complaint.ts";
import { resolve } from "./resolve.ts";
import { send } from "./send.ts";
import { familyOfSource, isOwnAddress, localAddress, sourceAddress } from "./source-address.ts";
import { sshConfig } from "./ssh-config.ts";
import { systemReason } from "./system-reason.ts";
import { isOpen } from "./verify.ts";

const SSH_PORT = 22;

interface Pace {
  /** Milliseconds after each knock. */
  readonly delay: number;
  /** Milliseconds after the last, if that is more. */
  readonly end: number;
  readonly verbose: boolean;
}

const hitOf = ({ udp, port }: Knock, address: string) => `${udp ? "udp" : "tcp"} ${address}:${port}`;

/** Sends all knocks in order. Throws Complaint, which says how many were sent. */
async function knockAll(knocks: readonly Knock[], address: string, source: string | undefined, pace: Pace) {
  for (const [done, knock] of knocks.entries()) {
    const hit = hitOf(knock, address);
    if (pace.verbose) process.stdout.write(`hitting ${hit}\n`);
    await send(knock, address, source).catch((error) => {
      throw new Complaint(
        `error: could not send ${hit}: ${systemReason(error)}; ${done} of ${plural(knocks.length, "knock")} sent`,
      );
    });
    // After the last one too, as 0.8: `knock -d 500 … && ssh …` counts on it.
    const pause = done === knocks.length - 1 ? Math.max(pace.delay, pace.end) : pace.delay;
    if (pause > 0) await sleep(pause);
  }
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { host, ports, family, options, clientUrl } = readCommandLine(words);
  const delay = parseDelay(options.delay ?? (clientUrl === undefined ? "0" : String(CODE_DELAY_MS)));
  const port = options.verify === undefined ? undefined : parseVerify(options.verify);
  const retries = parseRetry(options.retry ?? "0");
  if (retries > 0 && port === undefined) throw new Complaint("error: --retry needs --verify <port>");
  const knocks = ports.map(parseKnock).map((knock) => (options.udp ? { ...knock, udp: true } : knock));
  if (options.ssh) {
    const own = words.filter((word) => word !== "--ssh");
    if (port === undefined) own.push("--verify", String(SSH_PORT));
    process.stdout.write(sshConfig(host, own, port ?? SSH_PORT));
    return;
  }
  const code = options.code === "-" ? readFileSync(0, "utf8").trim() : options.code;
  if (code !== undefined && clientUrl === undefined)
    throw new Complaint("error: --code needs --secret <file> or --door <name>");
  if (code !== undefined && retries > 0)
    throw new Complaint("error: a code counts once: --retry cannot be used with --code");
  const address = await resolve(host, family || familyOfSource(options));
  const isBound = clientUrl?.client.bind === true;
  const source = isBound && !isOwnAddress(options.source) ? undefined : sourceAddress(options, address);
  const seen = isBound ? (options.source ?? (await localAddress(address))) : undefined;
  const now = () => (clientUrl === undefined ? knocks : codeKnocks(clientUrl, { code, address: seen }, Date.now()));
  if (options.dryRun) {
    for (const knock of now()) process.stdout.write(`${hitOf(knock, address)}\n`);
    return;
  }

  // The packets matter more than a reader of -v who has gone away.
  process.stdout.on("error", () => {});
  const pace = { delay, end: clientUrl === undefined ? 0 : CODE_END_MS, verbose: options.verbose === true };
  for (let round = 0; round <= retries; round++) {
    if (round > 0 && clientUrl !== undefined) await sleep(untilNextCode(Date.now()));
    await knockAll(now(), address, source, pace);
    if (port === undefined) return;
    if (await isOpen({ host: address, port, source })) {
      if (options.verbose) process.stdout.write(`${address}:${port} is open\n`);
      return;
    }
  }
  const tries = retries > 0 ? ` (tries: ${retries + 1})` : "";
  const hint =
    delay === 0 && knocks.length > 1
      ? "\nKnocks may arrive in another order than they were sent. Try: knock -d 200 …"
      : "";
  throw new Complaint(`error: TCP port ${port} of ${address} is not open${tries}${hint}`, NOT_OPEN);
}

main().catch((error) => {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.status;
});
