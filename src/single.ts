// All programs in one: the name by which the file is called says which, or the first word: `knockd knockctl status`.
// packaging/single makes a single executable of it.

import "./platform/no-inspector.ts";
import { basename } from "node:path";

const PROGRAMS = {
  knockd: () => import("./daemon/program.ts"),
  knock: () => import("./knock/program.ts"),
  knockctl: () => import("./knockctl/program.ts"),
};

type Name = keyof typeof PROGRAMS;
const isProgram = (word: string | undefined): word is Name => word !== undefined && Object.hasOwn(PROGRAMS, word);

const called = basename(process.argv0);
const [word] = process.argv.slice(2);
if (isProgram(called) && called !== "knockd") void PROGRAMS[called]();
else if (isProgram(word)) {
  process.argv.splice(2, 1);
  void PROGRAMS[word]();
} else void PROGRAMS.knockd();
