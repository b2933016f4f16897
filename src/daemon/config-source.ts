// Reads the config file and looks up its Targets.

import type { Config } from "../config/door.ts";
import { readConfig } from "../config/read.ts";
import { type ResolvedDoors, resolveTargets } from "../config/resolve-targets.ts";
import type { Flags } from "../config/settings.ts";

export class ConfigSource {
  readonly #flags: Flags;
  readonly #admit: (config: Config) => void;
  #sequencesUsed = 0;

  /** `admit` throws ConfigError for a config that this daemon must not take. */
  constructor(flags: Flags, admit: (config: Config) => void) {
    this.#flags = flags;
    this.#admit = admit;
  }

  /** Call it when a one-time sequence has been used. */
  onSequenceUsed(): void {
    this.#sequencesUsed++;
  }

  /**
   * Rejects with ConfigError. If a one-time sequence is used while Targets are being looked up, reads the file again: that
   * sequence must not count again.
   */
  async read(): Promise<ResolvedDoors & { readonly config: Config }> {
    const { config: file, onlyIpv4 } = this.#flags;
    for (;;) {
      const before = this.#sequencesUsed;
      const config = readConfig(file);
      this.#admit(config);
      const resolved = await resolveTargets(config, onlyIpv4);
      if (before === this.#sequencesUsed) return { config, ...resolved };
    }
  }
}
