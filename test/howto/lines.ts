// The commands and files of the how-to: the blocks of docs/firewall.md, unchanged.
import { block } from "../markdown.ts";

const of = (name: string): string => block("docs/firewall.md", "test/howto/howto.test.ts", name);

export const RULES = of("rules");
export const SAVE = of("save");
export const RESTORE = of("restore");
export const EXECUTABLE = of("executable");
export const CONFIG = of("config");
export const START = of("start");
export const CURLS = of("curl").replaceAll("HOST", "10.77.0.1");
export const CRON = of("cron");
export const TIMER = of("timer");
