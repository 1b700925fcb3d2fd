/** A number, or a share of `total` written as `25%` (intstr.GetScaledValueFromIntOrPercent). What is neither counts as 0. */
export function resolveIntOrPercent(value: number | string, total: number, rounding: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  if (percent === null) return /^\d+$/.test(value) ? Number(value) : 0;
  const share = (Number(percent[1]) * total) / 100;
  return rounding === 'up' ? Math.ceil(share) : Math.floor(share);
}
