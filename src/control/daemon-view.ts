import type { CaptureSupervisor } from "../capture/supervisor.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { PacketLoop } from "../daemon/packet-loop.ts";
import type { DoorService } from "../doors/door-service.ts";
import type { EventLog } from "../log/event-log.ts";
import type { RecentWarnings } from "../log/recent-warnings.ts";

/** The daemon, as far as it may be asked about. */
export interface DaemonView {
  readonly supervisor: () => CaptureSupervisor;
  /** The doors that are listened for. */
  readonly resolvedDoors: () => readonly ResolvedDoor[];
  readonly packetLoop: Pick<PacketLoop, "live" | "history" | "follow">;
  readonly doorService: Pick<DoorService, "doorkeeper">;
  readonly eventLog: Pick<EventLog, "watch" | "counts">;
  /** The last warnings and errors. */
  readonly recent: RecentWarnings;
}
