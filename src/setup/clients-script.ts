// The parts of the trial's scripts that write the clients file when the door is confirmed, and that undo it.

import { dirname } from "node:path";
import type { Setup } from "./plan.ts";
import { quote } from "./trial-paths.ts";

/** File names that no other program uses, beside the clients file, so that a rename works. The files hold secrets. */
function beside({ codes, id }: Setup) {
  const file = codes!.clients;
  return {
    file: quote(file),
    folder: quote(dirname(file)),
    fresh: quote(`${file}.${id}`),
    old: quote(`${file}.${id}.old`),
  };
}

/** Runs before the config that names the file is written. Clients in the file stay, also those added during the trial. */
export function writeClients(setup: Setup): string {
  if (setup.codes === undefined) return "";
  const { file, folder, fresh, old } = beside(setup);
  return `
# the clients: all of them or none
[ -d ${folder} ] || { : >"$dir/made-clients-folder"; mkdir -m 700 ${folder}; }
if [ -e ${file} ]; then
  : >"$dir/had-clients"
  ln ${file} ${old} || { cp -p ${file} ${fresh} && mv ${fresh} ${old}; } || exit 1
fi
: >"$dir/clients-changed"
(umask 077; { if [ -e ${file} ]; then cat ${file} && echo; fi && cat "$dir/clients"; } >${fresh}) || exit 1
chmod 600 ${fresh}
sync ${fresh}
mv -f ${fresh} ${file}
sync ${folder}/
`;
}

/**
 * The codes that were used in the trial must not count again. The trial's knockd must end first, because it could accept more
 * codes. Without systemd, the next knockd finds no file and refuses the codes of its first minute.
 */
export function writeClientsState({ codes, unit }: Setup): string {
  if (codes === undefined || !codes.isTrialState || unit === undefined) return "";
  const [state, folder] = [quote(codes.state), quote(dirname(codes.state))];
  return `step 'stopping knockd'
timeout 20 systemctl stop knockd
[ -d ${folder} ] || mkdir -m 700 ${folder}
[ ! -e ${state} ] || { echo ${quote(`${codes.state} did not exist before, and exists now`)} >&2; exit 1; }
: >"$dir/made-clients-state"
install -m 600 "$dir/clients.json" ${state}
sync ${state}
`;
}

/** Runs when the trial can no longer be rolled back. */
export function forgetOldClients(setup: Setup): string {
  return setup.codes === undefined ? "" : `rm -f ${beside(setup).old}\n`;
}

/** The rollback's part. It can be interrupted and run again. */
export function restoreClients(setup: Setup): string {
  if (setup.codes === undefined) return "";
  const { file, folder, fresh, old } = beside(setup);
  return `rm -f ${fresh}
[ ! -e "$dir/made-clients-state" ] || rm -f ${quote(setup.codes.state)}
if [ -e "$dir/had-clients" ]; then
  # as long as both are the same file, mv refuses
  if [ ${old} -ef ${file} ]; then rm -f ${old}; elif [ -e ${old} ]; then mv -f ${old} ${file}; fi
elif [ -e "$dir/clients-changed" ]; then
  rm -f ${file}
fi
[ ! -e "$dir/made-clients-folder" ] || rmdir ${folder} 2>/dev/null
`;
}
