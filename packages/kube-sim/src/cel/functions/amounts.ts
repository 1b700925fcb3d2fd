import { addQuantities, compareQuantities, parseQuantity, quantityOf, quantityUnits, subtractQuantities } from '@vfleet/kube/quantities/quantity.ts';
import type { Quantity } from '@vfleet/kube/quantities/quantity.ts';
import type { CelLibrary, Environment } from '../library.ts';

const NANO = 1_000_000_000n;
const INT_MAX = 2n ** 63n - 1n;

class Amount {
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
  equals(other: unknown): boolean {
    return other instanceof Amount && compareQuantities(this.quantity, other.quantity) === 0;
  }
}

/** Quantities (apiserver pkg/cel/library/quantity.go). */
export function registerAmounts(environment: Environment, library: CelLibrary): void {
  const fail = (text: string): never => { throw new library.EvaluationError(text); };
  const compare = (a: Amount, b: Amount) => compareQuantities(a.quantity, b.quantity);
  const isWhole = ({ quantity: { nano } }: Amount) => nano % NANO === 0n && nano / NANO <= INT_MAX && nano / NANO >= -INT_MAX - 1n;
  const type = 'kubernetes.Quantity';
  environment.registerType(type, Amount);
  environment.registerOperator(`${type} == ${type}`, (a: Amount, b: Amount) => a.equals(b));
  environment.registerFunction('isQuantity(string): bool', (text: string) => read(text) !== undefined);
  environment.registerFunction(`quantity(string): ${type}`, (text: string) => new Amount(read(text) ?? fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")));
  environment.registerFunction(`sign(${type}): int`, ({ quantity: { nano } }: Amount) => (nano > 0n ? 1n : nano < 0n ? -1n : 0n));
  environment.registerFunction(`${type}.sign(): int`, ({ quantity: { nano } }: Amount) => (nano > 0n ? 1n : nano < 0n ? -1n : 0n));
  environment.registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: Amount, b: Amount) => compare(a, b) > 0);
  environment.registerFunction(`${type}.isLessThan(${type}): bool`, (a: Amount, b: Amount) => compare(a, b) < 0);
  environment.registerFunction(`${type}.compareTo(${type}): int`, (a: Amount, b: Amount) => BigInt(compare(a, b)));
  environment.registerFunction(`${type}.asApproximateFloat(): double`, ({ quantity: { nano } }: Amount) => Number(nano) / Number(NANO));
  environment.registerFunction(`${type}.isInteger(): bool`, isWhole);
  environment.registerFunction(`${type}.asInteger(): int`, (amount: Amount) => (isWhole(amount) ? quantityUnits(amount.quantity) : fail('cannot convert value to integer')));
  environment.registerFunction(`${type}.add(${type}): ${type}`, (a: Amount, b: Amount) => new Amount(addQuantities(a.quantity, b.quantity)));
  environment.registerFunction(`${type}.add(int): ${type}`, (a: Amount, b: bigint) => new Amount(addQuantities(a.quantity, quantityOf(b))));
  environment.registerFunction(`${type}.sub(${type}): ${type}`, (a: Amount, b: Amount) => new Amount(subtractQuantities(a.quantity, b.quantity)));
  environment.registerFunction(`${type}.sub(int): ${type}`, (a: Amount, b: bigint) => new Amount(subtractQuantities(a.quantity, quantityOf(b))));
}

function read(text: string): Quantity | undefined {
  // Text with spaces around it is no quantity to Go.
  if (text !== text.trim()) return undefined;
  const parsed = parseQuantity(text);
  return parsed.ok ? parsed.value : undefined;
}
