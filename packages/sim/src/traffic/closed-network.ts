/** Where a customer of a closed network spends time on each round. */
export interface Station {
  readonly name: string;
  /** Customers served at a time, each by one server; `delay`: all at once, so that nobody waits. */
  readonly servers: number | 'delay';
  /** Mean time with a server on one round, in any unit of time. */
  readonly demand: number;
}

export interface StationLoad {
  readonly name: string;
  /** Busy servers on average; at a delay, customers. */
  readonly busy: number;
  /** Customers waiting or in service, on average. */
  readonly customers: number;
}

export interface NetworkLoad {
  /** Rounds completed in a unit of time. */
  readonly throughput: number;
  /** Mean time of a round. */
  readonly roundTime: number;
  readonly stations: readonly StationLoad[];
}

/**
 * Solves a closed product-form queueing network with one class of customers exactly (Buzen, "Computational algorithms for closed queueing
 * networks with exponential servers", CACM 16(9), 1973). Sums of positive terms, in logarithms: neither cancellation nor overflow.
 */
export function solveClosedNetwork(stations: readonly Station[], customers: number): NetworkLoad {
  if (!Number.isInteger(customers) || customers < 1) throw new RangeError(`a closed network needs at least one customer, not ${customers}`);
  const weights = stations.map((station) => logWeights(station, customers));
  const all = weights.reduce(convolved);
  const throughput = Math.exp(all[customers - 1]! - all[customers]!);
  if (!Number.isFinite(throughput)) throw new RangeError('a round of the network takes no time');
  const loads = stations.map(({ name, servers }, at): StationLoad => {
    const others = weights.filter((_, other) => other !== at).reduce(convolved, emptyWeights(customers));
    let [present, busy] = [0, 0];
    for (let count = 1; count <= customers; count++) {
      const probability = Math.exp(weights[at]![count]! + others[customers - count]! - all[customers]!);
      present += count * probability;
      busy += (servers === 'delay' ? count : Math.min(count, servers)) * probability;
    }
    return { name, busy, customers: present };
  });
  return { throughput, roundTime: customers / throughput, stations: loads };
}

/** Logarithms of a station's unnormalised probabilities to hold 0, 1, … customers. */
function logWeights({ servers, demand }: Station, customers: number): readonly number[] {
  const weights = [0];
  for (let count = 1; count <= customers; count++) {
    weights.push(weights[count - 1]! + Math.log(demand) - Math.log(servers === 'delay' ? count : Math.min(count, servers)));
  }
  return weights;
}

/** Of a station where nobody ever is. */
function emptyWeights(customers: number): readonly number[] {
  return Array.from({ length: customers + 1 }, (_, count) => (count === 0 ? 0 : Number.NEGATIVE_INFINITY));
}

function convolved(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((_, total) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let count = 0; count <= total; count++) most = Math.max(most, a[count]! + b[total - count]!);
    if (most === Number.NEGATIVE_INFINITY) return most;
    let sum = 0;
    for (let count = 0; count <= total; count++) sum += Math.exp(a[count]! + b[total - count]! - most);
    return most + Math.log(sum);
  });
}
