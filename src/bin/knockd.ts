#!/usr/bin/env node
import "../no-inspector.ts";
import { begin } from "../begin.ts";

await begin("knockd", () => import("../knockd.ts"));
