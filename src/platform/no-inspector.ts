// SIGUSR1 opens Node's debugger, through which any program on this machine could run code as the user of this process, perhaps
// root. Each program imports this file first: it ignores the signal, and closes a debugger that is already open.

process.on("SIGUSR1", () => {});

const isAskedFor = /(^| )--inspect(-brk|-wait)?(=| |$)/.test(
  `${process.execArgv.join(" ")} ${process.env.NODE_OPTIONS ?? ""}`,
);
if (!isAskedFor) {
  // What node:inspector's close() does, which takes two megabytes to be loaded.
  const end = (process as { _debugEnd?: () => void })._debugEnd;
  end?.();
  // Each signal before this has asked another thread for it, which on a busy machine comes to it a little later.
  for (const ms of [0, 50, 200, 1000, 5000]) setTimeout(() => end?.(), ms).unref();
}
