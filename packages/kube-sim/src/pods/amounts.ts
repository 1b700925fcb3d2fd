import { parseQuantity, quantityMilliUnits, quantityUnits } from '@vfleet/kube';

/**
 * Amounts of resources by name, as the scheduler counts them (pkg/scheduler/framework/types.go, Resource): `cpu` in
 * thousandths, everything else in whole units. Doubles hold them exactly up to 9 PB of memory.
 */
export type Amounts = ReadonlyMap<string, number>;

export type Quantities = Readonly<Record<string, string | number>>;

export const NO_AMOUNTS: Amounts = new Map();

/** One quantity in the scheduler's unit for that resource. What the API server would have refused counts as 0. */
export function amountOf(resource: string, quantity: string | number): number {
  const text = String(quantity);
  if (/^\d{1,12}$/.test(text)) return resource === 'cpu' ? Number(text) * 1000 : Number(text);
  const parsed = parseQuantity(text);
  if (!parsed.ok) return 0;
  return Number(resource === 'cpu' ? quantityMilliUnits(parsed.value) : quantityUnits(parsed.value));
}

export function amountsOf(quantities: Quantities | undefined): Amounts {
  if (quantities === undefined) return NO_AMOUNTS;
  const amounts = new Map<string, number>();
  for (const [resource, quantity] of Object.entries(quantities)) amounts.set(resource, amountOf(resource, quantity));
  return amounts;
}

/** Adds `by` times `amounts` to `total` in place. */
export function accumulate(total: Map<string, number>, amounts: Amounts, by: 1 | -1 = 1): void {
  for (const [resource, amount] of amounts) total.set(resource, (total.get(resource) ?? 0) + by * amount);
}

/** The larger of both, resource by resource. */
export function maximum(a: Amounts, b: Amounts): Amounts {
  const larger = new Map(a);
  for (const [resource, amount] of b) larger.set(resource, Math.max(larger.get(resource) ?? 0, amount));
  return larger;
}

/** Whether a resource is one that a device plugin or an administrator adds: `vendor.example/name` (core/v1 helper IsExtendedResourceName). */
export function isExtendedResource(resource: string): boolean {
  return resource.includes('/') && !resource.startsWith('requests.') && !/(^|\.)kubernetes\.io\//.test(resource);
}
