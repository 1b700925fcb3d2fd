import type { RunReport } from '@vfleet/sim';
import { traceLine, violationText } from '@vfleet/sim';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import type { Terminal } from '../../output/terminal.ts';
import { paint } from '../../output/terminal.ts';

/** Prints one run; its exit status is 1 when something did not hold. */
export function printReport(report: RunReport, format: OutputFormat, terminal: Terminal): number {
  const status = report.violations.length === 0 ? 0 : 1;
  if (format === 'json' || format === 'yaml') {
    const violations = report.violations.map(({ trace, ...violation }) => ({ ...violation, trace: trace.map(traceLine) }));
    terminal.out(renderDocument({ ...report, violations }, format));
    return status;
  }
  const speed = report.wallMs > 0 ? ` (${Math.round(report.virtualMs / report.wallMs).toLocaleString('en')} × real time)` : '';
  terminal.out(`${report.scenario}, seed ${report.seed}: trace ${report.traceHash}\n`);
  terminal.out(`  ${(report.virtualMs / 1000).toFixed(0)} s of virtual time in ${(report.wallMs / 1000).toFixed(2)} s${speed}, ${report.events.toLocaleString('en')} events, ${report.faultsFired.length} faults\n`);
  for (const [mark, count] of Object.entries(report.marks)) terminal.out(`  ${String(count).padStart(6)}  ${mark}\n`);
  for (const violation of report.violations) terminal.out(`${paint(terminal, 'red', 'violation')} ${violationText(violation)}\n`);
  if (status === 0) terminal.out(`${paint(terminal, 'green', 'every property held')}\n`);
  return status;
}
