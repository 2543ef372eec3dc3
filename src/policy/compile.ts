/**
 * From a loaded policy to what the road asks: one table for each asset and set of roles, and what the facts must be able to tell. All single
 * roles, and all sets that the bindings give somebody, are compiled at load, in slices; a set nobody foresaw is compiled when it first comes.
 */
import type { Space } from "#operation";
import type { AssetModel } from "#process/points";
import { bind } from "./bindings.ts";
import { type Ground, groundOf } from "./ground.ts";
import { hoursOf } from "./hours.ts";
import { finish } from "./intervals.ts";
import { type ManageTable, manageTable } from "./manage.ts";
import type { Binding, Hours, Policy, Rule, State } from "./model.ts";
import { countedCells } from "./places.ts";
import { SELF, SELF_ORDER, selfRule } from "./self.ts";
import { stateKey, statesOf } from "./state.ts";
import { type Assurance, buildTable, type Crowded, type Table } from "./table.ts";

export type { Assurance, Crowded, Table } from "./table.ts";
export { finish };

/** One role set on one asset that holds too many rules over one address; `check` refuses it. */
export interface CrowdedRoles extends Crowded {
  readonly asset: string;
  readonly roles: readonly string[];
}

export interface Compiled {
  /** What these roles may do there. Unknown assets and roles may do nothing. A look-up for every set the bindings give. */
  tableFor(asset: string, roles: readonly string[], assurance: Assurance): Table;
  /** By index of `Facts.hoursOpen`. */
  readonly hours: readonly Hours[];
  /** By index of `Facts.states`. */
  readonly states: readonly State[];
  /** Who may do what to the gateway itself. */
  readonly manage: ManageTable;
  /** Found at load; a set compiled later is as slow as it is crowded, and denies everything where it runs away. */
  readonly crowded: readonly CrowdedRoles[];
}

/** @param spacesOf the address spaces of a protocol: `Vocabulary.spaces` */
export function* compile(policy: Policy, spacesOf: (protocol: string) => readonly Space[]): Generator<void, Compiled> {
  const rules = allRules(policy);
  const hours = hoursOf(policy);
  const states = statesOf(policy);
  const grounds = new Map<string, Ground>();
  for (const [name, model] of policy.assets) {
    const ground = yield* groundOf(model, spacesOf(model.protocol));
    const counted = yield* countedCells(
      ground,
      rules.filter((rule) => rule.asset === name),
    );
    grounds.set(name, { ...ground, counted });
  }
  const tables = new Tables(policy, grounds, hours, states);
  const crowded: CrowdedRoles[] = [];
  for (const roles of yield* foreseeable(policy))
    for (const asset of grounds.keys()) {
      const found = yield* tables.prepare(asset, roles);
      if (found !== null) crowded.push({ ...found, asset, roles });
    }
  return {
    tableFor: (asset, roles, assurance) => tables.get(asset, roles, assurance),
    hours,
    states,
    manage: manageTable(policy),
    crowded,
  };
}

/** Each once, by order: an included rule stands in the lists of several roles. */
function allRules(policy: Policy): Rule[] {
  const rules = new Map<number, Rule>();
  for (const rule of policy.never) rules.set(rule.order, rule);
  for (const role of policy.roles.values()) for (const rule of role.rules) rules.set(rule.order, rule);
  return [...rules.values()].sort((a, b) => a.order - b.order);
}

/** Sets of roles that subjects can have: each role alone (a certificate may state any), and what the bindings together give one claim. */
function* foreseeable(policy: Policy): Generator<void, readonly (readonly string[])[]> {
  const sets = new Map<string, readonly string[]>();
  const add = (roles: readonly string[]): void => {
    if (sets.size < FORESEEN) sets.set(keyOf(roles), roles);
  };
  for (const role of policy.roles.keys()) add([role]);
  for (const [index, binding] of policy.bindings.entries()) {
    if (index % BINDINGS_PER_SLICE === 0) yield;
    const bound = bind(policy, {
      identity: binding.identity === null ? null : exampleOf(binding.identity),
      certificateRole: binding.certificateRole,
      source: sourceOf(binding),
    });
    if (typeof bound !== "string") add(bound.roles);
  }
  return [...sets.values()];
}

/** A claim that this pattern matches, and of the others only those that are as wide or wider: patterns are nested or apart. */
function exampleOf(pattern: string): string {
  if (pattern.startsWith("spiffe://")) return `spiffe:${pattern.endsWith("/*") ? pattern.slice(0, -1) + NOBODY : pattern}`;
  const named = pattern.replace(/^cn:\*(?=@|$)/, `cn:${NOBODY}`);
  return named.includes("@") ? named : `${named}@${NOBODY}`;
}

function sourceOf(binding: Binding): Uint8Array | null {
  return binding.source?.address ?? null;
}

/** Each is held against all others. */
const BINDINGS_PER_SLICE = 8;
/** No name: names hold no space. */
const NOBODY = " ";

/** Role sets compiled at load, and further ones kept. Sessions hold their tables themselves; these caps bound what the cache holds beside. */
const FORESEEN = 512;
const UNFORESEEN = 128;

interface Body {
  readonly certificate: Table;
  readonly accepted: Table;
  readonly none: Table;
}

class Tables {
  readonly #policy: Policy;
  readonly #grounds: ReadonlyMap<string, Ground>;
  /** Index of an expression by its text. */
  readonly #hours: ReadonlyMap<string, number>;
  /** Index of a state by its key. */
  readonly #states: ReadonlyMap<string, number>;
  readonly #prepared = new Map<string, Body>();
  /** Oldest first. */
  readonly #later = new Map<string, Body>();
  readonly #nowhere: Body;

  constructor(policy: Policy, grounds: ReadonlyMap<string, Ground>, hours: readonly Hours[], states: readonly State[]) {
    this.#policy = policy;
    this.#grounds = grounds;
    this.#hours = new Map(hours.map(({ text }, index) => [text, index]));
    this.#states = new Map(states.map((state, index) => [stateKey(state), index]));
    this.#nowhere = bodyOf(finish(buildTable(finish(groundOf(NOWHERE, [])), "none", [], [], [], () => NEVER_ASKED)).table, null);
  }

  *prepare(asset: string, roles: readonly string[]): Generator<void, Crowded | null> {
    const ground = this.#grounds.get(asset);
    if (ground === undefined) return null;
    const { body, crowded } = yield* this.#build(ground, asset, roles);
    this.#prepared.set(placeKey(asset, roles), body);
    return crowded;
  }

  get(asset: string, wanted: readonly string[], assurance: Assurance): Table {
    const ground = this.#grounds.get(asset);
    if (ground === undefined) return this.#nowhere[assurance];
    const roles = [...new Set(wanted)].filter((role) => this.#policy.roles.has(role) || role === SELF).sort();
    const key = placeKey(asset, roles);
    const known = this.#prepared.get(key) ?? this.#later.get(key);
    if (known !== undefined) return known[assurance];
    const { body } = finish(this.#build(ground, asset, roles));
    for (const oldest of this.#later.keys()) {
      if (this.#later.size < UNFORESEEN) break;
      this.#later.delete(oldest);
    }
    this.#later.set(key, body);
    return body[assurance];
  }

  *#build(
    ground: Ground,
    asset: string,
    roles: readonly string[],
  ): Generator<void, { readonly body: Body; readonly crowded: Crowded | null }> {
    const held = new Map<number, Rule>();
    for (const role of roles)
      for (const rule of this.#policy.roles.get(role)?.rules ?? []) if (rule.asset === asset) held.set(rule.order, rule);
    if (roles.includes(SELF)) held.set(SELF_ORDER, selfRule(ground.model));
    const rules = [...held.values()].sort((a, b) => a.order - b.order);
    const allows = rules.filter((rule) => rule.effect === "allow");
    const { table, crowded } = yield* this.#table(ground, asset, rules, allows);
    const stops = allows.filter((rule) => rule.essential);
    const essential = stops.length === 0 ? null : (yield* this.#table(ground, asset, rules, stops)).table;
    return { body: bodyOf(table, essential), crowded };
  }

  /** @param allows those of `rules` that may allow something */
  #table(ground: Ground, asset: string, rules: readonly Rule[], allows: readonly Rule[]): ReturnType<typeof buildTable> {
    return buildTable(
      ground,
      "certificate",
      this.#policy.never.filter((rule) => rule.asset === asset),
      rules.filter((rule) => rule.effect === "deny"),
      allows,
      ({ hours, state }) => ({
        hours: hours === null ? -1 : (this.#hours.get(hours.text) as number),
        state: state === null ? -1 : (this.#states.get(stateKey(state)) as number),
      }),
    );
  }
}

const NEVER_ASKED = { hours: -1, state: -1 };

/** How a subject was proven changes one question of the decision and nothing of the table. */
function bodyOf(table: Table, essential: Table | null): Body {
  const proven = (assurance: Assurance): Table => ({
    ...table,
    assurance,
    essential: essential === null ? null : { ...essential, assurance },
  });
  return { certificate: proven("certificate"), accepted: proven("accepted"), none: proven("none") };
}

/** Role names hold neither comma nor colon (RULINGS 16). */
function keyOf(roles: readonly string[]): string {
  return roles.join(",");
}

function placeKey(asset: string, roles: readonly string[]): string {
  return `${asset}:${keyOf(roles)}`;
}

/** An asset that no document knows: it has no unit, so nothing can be asked of it. */
const NOWHERE: AssetModel = {
  name: "",
  protocol: "",
  units: [],
  unitAliases: new Map(),
  unitZero: "device",
  addressing: "zero-based",
  points: [],
};
