import type { Random } from '@vfleet/core';
import type { Store } from '../../store/store.ts';
import { sortedVisit } from '../../store/sorted-map.ts';
import { arrayAt, objectAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';

/** The first 65,536 of the addresses that kubeadm gives its clusters' services, and node ports as every cluster has them. */
const NETWORK_PREFIX = '10.96';
/** Addresses below this one in the range are left for those who ask for one by name. */
const FIRST_DYNAMIC = 256;
const NODE_PORT_MIN = 30_000;
const NODE_PORT_MAX = 32_767;
/** Draws of an address before all are tried in turn. */
const DRAWS_MAX = 32;
const ADDRESS_COUNT = 2 ** 16;

/** Which virtual addresses and node ports the services hold. Kept in step with what is committed, so a write costs no scan. */
export class ServiceAllocations {
  readonly #store: Store;
  readonly #random: Random;
  #addresses: Map<string, string> | undefined;
  #ports: Map<number, string> = new Map();

  constructor(store: Store, random: Random) {
    this.#store = store;
    this.#random = random;
    store.onCommit((collection, change) => {
      if (collection.name !== 'services' || this.#addresses === undefined) return;
      if (change.previous !== undefined) this.#note(change.previous, change.key, false);
      if (change.type !== 'DELETED') this.#note(change.object, change.key, true);
    });
  }

  /** An address that nobody holds. */
  drawAddress(): string {
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const address = addressAt(FIRST_DYNAMIC + this.#random.integer(ADDRESS_COUNT - 1 - FIRST_DYNAMIC));
      if (!this.#held().has(address)) return address;
    }
    for (let index = FIRST_DYNAMIC; index < ADDRESS_COUNT - 1; index++) if (!this.#held().has(addressAt(index))) return addressAt(index);
    throw new Error('every address of the service network is held');
  }

  /** Why a service cannot have an address; undefined when it can. */
  whyNotAddress(address: string, key: string): string | undefined {
    const parts = address.split('.').map(Number);
    const canonical = parts.join('.');
    const index = parts[2]! * 256 + parts[3]!;
    if (!canonical.startsWith(`${NETWORK_PREFIX}.`) || index === 0 || index === ADDRESS_COUNT - 1) {
      return `the provided IP (${canonical}) is not in the valid range. The range of valid IPs is ${NETWORK_PREFIX}.0.0/16`;
    }
    const holder = this.#held().get(address);
    return holder === undefined || holder === key ? undefined : 'provided IP is already allocated';
  }

  /** A node port that neither a service nor one of `taken` holds. */
  drawPort(taken: ReadonlySet<number>): number | undefined {
    this.#held();
    const count = NODE_PORT_MAX - NODE_PORT_MIN + 1;
    const start = this.#random.integer(count);
    for (let step = 0; step < count; step++) {
      const port = NODE_PORT_MIN + ((start + step) % count);
      if (!this.#ports.has(port) && !taken.has(port)) return port;
    }
    return undefined;
  }

  whyNotPort(port: number, key: string): string | undefined {
    this.#held();
    if (port < NODE_PORT_MIN || port > NODE_PORT_MAX) return `provided port is not in the valid range. The range of valid ports is ${NODE_PORT_MIN}-${NODE_PORT_MAX}`;
    const holder = this.#ports.get(port);
    return holder === undefined || holder === key ? undefined : 'provided port is already allocated';
  }

  /** Read once from what is stored, when the first service asks. */
  #held(): Map<string, string> {
    if (this.#addresses === undefined) {
      this.#addresses = new Map();
      sortedVisit(this.#store.collection('services').objects, '', undefined, (key, service) => {
        this.#note(service, key, true);
        return true;
      });
    }
    return this.#addresses;
  }

  #note(service: ApiObject, key: string, isHeld: boolean): void {
    const spec = objectAt(service, 'spec');
    for (const address of arrayAt(spec, 'clusterIPs')) {
      if (typeof address !== 'string' || address === 'None') continue;
      if (isHeld) this.#addresses!.set(address, key);
      else this.#addresses!.delete(address);
    }
    const ports = [...arrayAt(spec, 'ports').map((port) => objectAt({ port }, 'port')['nodePort']), spec['healthCheckNodePort']];
    for (const port of ports) {
      if (typeof port !== 'number' || port === 0) continue;
      if (isHeld) this.#ports.set(port, key);
      else this.#ports.delete(port);
    }
  }
}

function addressAt(index: number): string {
  return `${NETWORK_PREFIX}.${index >> 8}.${index & 0xff}`;
}
