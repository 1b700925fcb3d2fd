import { CliFailure } from './failure.ts';

/** `90s`, `10m`, `2h` in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d{1,9})(s|m|h)$/.exec(text);
  if (match === null) throw new CliFailure(`${text} is no duration`, 'Write a number with s, m or h: 90s, 10m, 2h.', 2);
  return Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'];
}
