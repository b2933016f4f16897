// The command `watch`: what happens at the doors, as it happens.

import type { Watch } from "../log/watch.ts";
import type { Stream } from "./command.ts";

export function watch(doors: Watch): Stream {
  return (_, tell) => doors.begin((happening, time) => tell({ type: "event", time: time.toISOString(), ...happening }));
}
