#!/usr/bin/env node
import "../no-inspector.ts";
import { begin } from "../begin.ts";

await begin("knockctl", () => import("../knockctl.ts"));
