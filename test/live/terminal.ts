// Runs knockctl init at a terminal.
import { join } from "node:path";
import { type Host, until } from "./host.ts";
import { repo } from "./wire.ts";

/** A real terminal (script(1)) that runs knockctl init. */
export class Terminal {
  said = "";
  readonly ended: Promise<unknown>;
  readonly #child: ReturnType<Host["wire"]["spawn"]>;

  constructor(host: Host, ...words: readonly string[]) {
    const command = [
      process.execPath,
      join(repo, "dist/src/knockctl.js"),
      "init",
      "-c",
      host.config,
      "--interface",
      "eth0",
      ...words,
    ];
    this.#child = host.wire.spawn("server", host.argv("script", "-qec", command.join(" "), "/dev/null"), {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => (this.said += text));
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  says(text: string): Promise<void> {
    return until(() => this.said.includes(text), `"${text}" in ${this.said}`, 30_000);
  }

  types(line: string): void {
    this.presses(`${line}\r`);
  }

  presses(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  dies(): void {
    this.#child.kill("SIGKILL");
  }
}
