/** Of this process, which other load on the machine does not lengthen. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Resident, at its largest so far. */
export function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}
