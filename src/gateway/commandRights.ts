/**
 * Which right of management each command asks for (RULINGS 27). The one table: the port goes by it, docs/policy.md and docs/policy-words.md
 * tell it, and a test holds them together.
 */
import type { Ask } from "#management/protocol";
import type { ManageRight } from "#policy/model";

export interface Demand {
  readonly right: ManageRight;
  /** What the right must reach: the gateway as a whole (`on: "*"`), or the asset that the command is about. */
  readonly about: "gateway" | "asset";
  /** As a person gives it. */
  readonly command: string;
  /** What it does, after `may not`; ASSET is the asset's name. */
  readonly does: string;
}

/** As records name what was asked. */
export const ASKED: Readonly<Record<Ask["ask"], string>> = {
  status: "status",
  sessions: "session list",
  pointsVerify: "points verify",
  endSession: "session end",
  block: "block",
  unblock: "unblock",
  clockConfirm: "clock confirm",
  pointsSignOff: "points sign-off",
  metrics: "metrics",
  reload: "reload",
};

/** Null: over the local socket alone. Metrics have a door of their own (`GET /metrics`). */
export const DEMANDS: Readonly<Record<Ask["ask"], Demand | null>> = {
  status: { right: "view", about: "gateway", command: "status", does: "see the status of the gateway" },
  sessions: { right: "view", about: "asset", command: "session list", does: "see who is connected" },
  pointsVerify: { right: "view", about: "asset", command: "points verify", does: "see the values of ASSET" },
  endSession: { right: "end-session", about: "asset", command: "session end", does: "end sessions on ASSET" },
  block: { right: "mode", about: "asset", command: "block", does: "block ASSET" },
  unblock: { right: "mode", about: "asset", command: "block --lift", does: "open ASSET again" },
  clockConfirm: { right: "confirm", about: "gateway", command: "clock confirm", does: "confirm the clock" },
  pointsSignOff: { right: "confirm", about: "asset", command: "points verify --sign-off", does: "sign off the points of ASSET" },
  metrics: null,
  reload: null,
};
