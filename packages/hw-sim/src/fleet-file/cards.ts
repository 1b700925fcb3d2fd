import type { LinkType, PciAddress } from '@vfleet/core';
import { addressOf, routingIdOf } from '../model/addresses.ts';
import { pfNetdevName } from '../model/names.ts';
import type { PfSpec } from '../model/spec.ts';
import { sriovFunctions, vfOffsets } from '../model/vf-offsets.ts';
import type { NicModel } from '../personalities/nic-model.ts';
import { problem } from './problem.ts';
import type { FleetProblem } from './problem.ts';
import type { PfEntry } from './schema.ts';

/** An entry of `pfs` whose personality is known. */
export interface KnownEntry {
  readonly entry: PfEntry;
  readonly model: NicModel;
  readonly path: string;
}

/** A physical card: its entries by function number. */
interface Card {
  readonly model: NicModel;
  readonly slot?: number;
  domain: number;
  /** Bus << 8 | device << 3. */
  base: number;
  placed: boolean;
  readonly entries: Map<number, KnownEntry>;
}

/** Buses of slots in common two-socket servers, where cards without an address go; far enough apart for all their VFs. */
const AUTOMATIC_BUSES: readonly number[] = [0x18, 0x3b, 0x5e, 0x81, 0xaf, 0xd8];

/** Decides for a node's entries which card and function each is, and where the cards sit. PFs come in order of address. */
export function layOutCards(entries: readonly KnownEntry[], problems: FleetProblem[]): readonly PfSpec[] {
  const cards = groupIntoCards(entries, problems);
  const occupied = new Map<string, string>();
  for (const card of cards) if (card.placed) occupy(card, occupied, problems);
  for (const card of cards) if (!card.placed) placeAutomatically(card, occupied, problems);
  if (problems.length > 0) return [];
  const cardNumbers = new Map<string, number>();
  const specs = cards
    .toSorted((a, b) => a.domain - b.domain || a.base - b.base)
    .flatMap((card) => {
      const number = cardNumbers.get(card.model.pfDriver) ?? 0;
      cardNumbers.set(card.model.pfDriver, number + 1);
      return functionsOf(card, number);
    });
  return specs.toSorted((a, b) => compare(a.pciAddress, b.pciAddress));
}

function compare(a: PciAddress, b: PciAddress): number {
  const left = routingIdOf(a);
  const right = routingIdOf(b);
  return left.domain - right.domain || left.routingId - right.routingId;
}

function groupIntoCards(entries: readonly KnownEntry[], problems: FleetProblem[]): readonly Card[] {
  const cards: Card[] = [];
  for (const known of entries) {
    const { entry } = known;
    if (entry.pciAddress !== undefined) addAtAddress(cards, known, problems);
    else if (entry.slot !== undefined) addInSlot(cards, known, entry.slot, problems);
    else addAnywhere(cards, known);
  }
  return cards;
}

function addAtAddress(cards: Card[], known: KnownEntry, problems: FleetProblem[]): void {
  const { entry, model, path } = known;
  const { domain, routingId } = routingIdOf(entry.pciAddress!.toLowerCase() as PciAddress);
  const base = routingId & ~7;
  const functionNumber = routingId & 7;
  const allowed = sriovFunctions(model);
  if (!allowed.includes(functionNumber)) {
    problems.push(problem(`${path}.pciAddress`, `${model.name} has no SR-IOV function ${functionNumber}`, `functions ${allowed.join(', ')}`));
    return;
  }
  let card = cards.find((other) => other.placed && other.domain === domain && other.base === base);
  if (card === undefined) {
    card = { model, ...(entry.slot === undefined ? {} : { slot: entry.slot }), domain, base, placed: true, entries: new Map() };
    cards.push(card);
  } else if (card.model !== model) {
    problems.push(problem(`${path}.personality`, `${addressOf(domain, base)} is a ${card.model.name} already`, 'one card has one personality'));
    return;
  }
  addFunction(card, functionNumber, known, 'pciAddress', problems);
}

function addFunction(card: Card, functionNumber: number, known: KnownEntry, field: string, problems: FleetProblem[]): void {
  if (card.entries.has(functionNumber)) {
    problems.push(problem(`${known.path}.${field}`, `${addressOf(card.domain, card.base | functionNumber)} is there twice`, 'give each PF an address of its own'));
  } else card.entries.set(functionNumber, known);
}

function nextFunction(card: Card): number | undefined {
  return sriovFunctions(card.model).find((functionNumber) => !card.entries.has(functionNumber));
}

function addInSlot(cards: Card[], known: KnownEntry, slot: number, problems: FleetProblem[]): void {
  const { model, path } = known;
  let card = cards.find((other) => other.slot === slot);
  if (card === undefined) {
    if (slot > 255) {
      problems.push(problem(`${path}.slot`, `slot ${slot} is no bus number, so the card's place is unknown`, 'add pciAddress, or use a slot from 1 to 255'));
      return;
    }
    card = { model, slot, domain: 0, base: slot << 8, placed: true, entries: new Map() };
    cards.push(card);
  }
  const functionNumber = nextFunction(card);
  if (card.model !== model) problems.push(problem(`${path}.slot`, `slot ${slot} holds a ${card.model.name}`, 'use another slot'));
  else if (functionNumber === undefined) problems.push(problem(`${path}.slot`, `the ${model.name} in slot ${slot} has ${sriovFunctions(model).length} PF(s), all in use`, 'use another slot'));
  else addFunction(card, functionNumber, known, 'slot', problems);
}

function addAnywhere(cards: Card[], known: KnownEntry): void {
  const { model } = known;
  // A Chelsio entry is a card of its own; entries of other NICs fill the ports of one card before the next begins.
  let card = model.layout.kind === 'sharedPorts' ? undefined : cards.find((other) => !other.placed && other.model === model && nextFunction(other) !== undefined);
  if (card === undefined) {
    card = { model, domain: 0, base: 0, placed: false, entries: new Map() };
    cards.push(card);
  }
  card.entries.set(nextFunction(card)!, known);
}

function totalsOf(card: Card): ReadonlyMap<number, number> {
  return new Map([...card.entries].map(([functionNumber, { entry, model }]) => [functionNumber, entry.totalVfs ?? model.totalVfs]));
}

/** Every routing id that a card takes, with all the VFs it could have. */
function* routingIds(card: Card): Generator<readonly [number, string]> {
  const { model } = card;
  const functions = model.layout.kind === 'sharedPorts' ? [0, 1, 2, 3, 4, 5, 6] : [...card.entries.keys()];
  for (const functionNumber of functions) yield [card.base | functionNumber, `function ${functionNumber} of the ${model.name}`];
  const totals = totalsOf(card);
  const offsets = vfOffsets(model, totals);
  const withVfs = model.layout.kind === 'sharedPorts' ? model.layout.sriovFunctions : [...card.entries.keys()];
  for (const functionNumber of withVfs) {
    const first = (card.base | functionNumber) + offsets.get(functionNumber)!;
    for (let index = 0; index < (totals.get(functionNumber) ?? model.totalVfs); index++) yield [first + index * model.vfStride, `VF ${index} of the ${model.name}`];
  }
}

function pathOf(card: Card): string {
  return [...card.entries.values()][0]!.path;
}

function occupy(card: Card, occupied: Map<string, string>, problems: FleetProblem[]): void {
  for (const [routingId, what] of routingIds(card)) {
    if (routingId > 0xffff) {
      problems.push(problem(pathOf(card), `the VFs of this ${card.model.name} reach beyond bus ff`, 'use a lower bus number'));
      return;
    }
    const key = `${card.domain}/${routingId}`;
    const other = occupied.get(key);
    if (other !== undefined) {
      const at = addressOf(card.domain, routingId);
      problems.push(problem(pathOf(card), `${what} would sit at ${at}, where ${other} is`, 'move the card to another bus or slot, or lower totalVfs'));
      return;
    }
    occupied.set(key, `${what} at ${addressOf(card.domain, card.base)}`);
  }
}

function placeAutomatically(card: Card, occupied: Map<string, string>, problems: FleetProblem[]): void {
  for (let domain = 0; domain <= PLACES_MAX; domain++) {
    for (const bus of AUTOMATIC_BUSES) {
      card.domain = domain;
      card.base = bus << 8;
      if ([...routingIds(card)].some(([routingId]) => occupied.has(`${domain}/${routingId}`))) continue;
      card.placed = true;
      occupy(card, occupied, problems);
      return;
    }
  }
  problems.push(problem(pathOf(card), 'no free bus is left for it', 'give it a pciAddress'));
}

const PLACES_MAX = 64;

function functionsOf(card: Card, cardIndex: number): readonly PfSpec[] {
  return card.model.layout.kind === 'sharedPorts' ? sharedPortFunctions(card, cardIndex) : [...card.entries].map(([functionNumber, known]) => pfSpec(card, cardIndex, functionNumber, known));
}

function pfSpec(card: Card, cardIndex: number, functionNumber: number, known: KnownEntry): PfSpec {
  const { entry, model } = known;
  const routingId = card.base | functionNumber;
  const linkType: LinkType = entry.linkType ?? model.linkTypes[0]!;
  const totals = totalsOf(card);
  const name = entry.name ?? pfNetdevName({
    linkType, domain: card.domain, routingId, multiFunction: sriovFunctions(model).length > 1,
    ...(card.slot === undefined ? {} : { slot: card.slot }), ...(model.namesPort ? { port: functionNumber } : {}),
  });
  return Object.freeze({
    model,
    pciAddress: addressOf(card.domain, routingId),
    name,
    altNames: entry.altNames ?? [],
    linkType,
    totalVfs: entry.totalVfs ?? model.totalVfs,
    vfOffset: vfOffsets(model, totals).get(functionNumber) ?? 0,
    numVfs: entry.numVfs ?? 0,
    mtu: entry.mtu ?? 1500,
    numaNode: entry.numaNode ?? 0,
    linkUp: entry.linkUp ?? true,
    adminUp: entry.adminUp ?? true,
    defaultRoute: entry.defaultRoute ?? false,
    ...(entry.netFilter === undefined ? {} : { netFilter: entry.netFilter }),
    ...(entry.subfunctions === undefined || entry.subfunctions === 0 ? {} : { subfunctions: entry.subfunctions }),
    cardIndex,
  });
}

/** A Chelsio: all SR-IOV functions, whether named or not, and the function with the ports, which takes name and MTU from the first entry. */
function sharedPortFunctions(card: Card, cardIndex: number): readonly PfSpec[] {
  const { layout } = card.model;
  if (layout.kind !== 'sharedPorts') throw new TypeError('a card without shared ports');
  const first = [...card.entries.values()][0]!;
  const portAddress = addressOf(card.domain, card.base | layout.portFunction);
  const plain = (known: KnownEntry): KnownEntry => ({ ...known, entry: { personality: known.entry.personality, ...(known.entry.numaNode === undefined ? {} : { numaNode: known.entry.numaNode }) } });
  const sriov = layout.sriovFunctions.map((functionNumber) => {
    const known = card.entries.get(functionNumber) ?? plain(first);
    const spec = pfSpec(card, cardIndex, functionNumber, known);
    const management = layout.managementNetdev.replace('{card}', String(cardIndex)).replace('{pf}', String(functionNumber));
    return Object.freeze({ ...spec, name: management, altNames: [], portAddress, defaultRoute: false });
  });
  const portEntry: KnownEntry = { ...first, entry: { ...first.entry, numVfs: 0 } };
  const port = pfSpec(card, cardIndex, layout.portFunction, portEntry);
  return [...sriov, Object.freeze({ ...port, totalVfs: 0 })];
}
