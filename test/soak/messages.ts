/** What the processes of a soak say to each other. */
import type { AssetName, ListenerName } from "./documents.ts";
import type { Plan } from "./plan.ts";
import type { Role } from "./requests.ts";

export interface SessionPlan {
  readonly listener: ListenerName;
  readonly asset: AssetName;
  /** Who, as the certificate's file is called; of a plain session its address. */
  readonly who: string;
  readonly role: Role;
  /** The address it comes from. */
  readonly from: string;
}

/** One holder's papers, as of now. */
export interface Papers {
  readonly who: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** Wall milliseconds. */
  readonly endsMs: number;
  readonly serial: string;
}

export type ToClients =
  | { readonly is: "plan"; readonly plan: Plan; readonly sessions: readonly SessionPlan[]; readonly file: string }
  | { readonly is: "papers"; readonly papers: Papers }
  /** Null: nobody listens just now. */
  | { readonly is: "ports"; readonly ports: Readonly<Record<ListenerName, number>> | null }
  /** Whoever shows this certificate is to be turned away from then on, wall milliseconds. */
  | { readonly is: "revoked"; readonly serial: string; readonly sinceMs: number }
  /** The gateway shows this certificate, to whoever connects after that. */
  | { readonly is: "gateway"; readonly serial: string; readonly sinceMs: number }
  | { readonly is: "stop" };

export interface ClientCounts {
  readonly connected: number;
  readonly asked: number;
  readonly answered: number;
  readonly denied: number;
  readonly connects: number;
  /** Came again with newer papers; were cut as the old ones ended; were cut or turned away with revoked ones. */
  readonly renewals: number;
  readonly cutAtEnd: number;
  readonly turnedAway: number;
  /** How late the process came to something at most. */
  readonly latenessMs: number;
}

export const NO_COUNTS: ClientCounts = {
  connected: 0,
  asked: 0,
  answered: 0,
  denied: 0,
  connects: 0,
  renewals: 0,
  cutAtEnd: 0,
  turnedAway: 0,
  latenessMs: 0,
};

export type FromClients =
  | { readonly is: "counts"; readonly counts: ClientCounts }
  /** Something no client may ever see, in words. */
  | { readonly is: "wrong"; readonly words: string }
  | { readonly is: "done"; readonly counts: ClientCounts };

export type ToDevices =
  | { readonly is: "plan"; readonly plan: Plan; readonly file: string; readonly audit: string }
  | { readonly is: "calm" }
  | { readonly is: "stop" };

export type FromDevices =
  | { readonly is: "ports"; readonly ports: Readonly<Record<AssetName, number>> }
  | { readonly is: "wrong"; readonly words: string }
  | { readonly is: "counts"; readonly counts: DeviceCounts }
  | { readonly is: "done"; readonly counts: DeviceCounts };

export interface DeviceCounts {
  readonly reads: number;
  readonly writes: number;
  readonly foreign: number;
  readonly octets: number;
  /** Octets of whole frames; the others came in a connection that ended amid a frame. */
  readonly framed: number;
  readonly connections: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Writes whose record was looked for on the disk as they came. */
  readonly lookedUp: number;
  readonly latenessMs: number;
}
