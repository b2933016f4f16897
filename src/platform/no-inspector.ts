// SIGUSR1 opens Node's debugger. Through it, any program on this machine could run code as the user of this process, perhaps
// root. Each program imports this file first. It ignores the signal, and closes a debugger that is already open.

process.on("SIGUSR1", () => {});

const isAskedFor = /(^| )--inspect(-brk|-wait)?(=| |$)/.test(
  `${process.execArgv.join(" ")} ${process.env.NODE_OPTIONS ?? ""}`,
);
if (!isAskedFor) {
  // The same as close() of node:inspector, but loading that module takes two megabytes.
  const end = (process as { _debugEnd?: () => void })._debugEnd;
  end?.();
  // An earlier signal has asked another thread to open the debugger. On a busy machine that thread does so a little later.
  for (const ms of [0, 50, 200, 1000, 5000]) setTimeout(() => end?.(), ms).unref();
}
