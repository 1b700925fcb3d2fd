import type { Generator } from './generator.ts';
import { conditions, events } from './reasons.ts';
import type { Reason } from './reasons.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from tools/generate/reasons.ts, which a test compares with what the code says: change it there. -->
# Conditions and Events

Every condition says in its message what is and what to do about it; the reasons below are stable, for machines. \`True\` is the good state of \`Ready\`, and the bad one of \`DrainBlocked\`.
A condition whose reason changes is told by an Event of the same reason, too. \`vfleet explain node NAME\` puts them together for a node.
`;

/** docs/reference/conditions.md: what reasons mean, and what to do. */
export const conditionsReference: Generator = {
  name: 'reference of conditions and Events',
  outputs: () => new Map([['docs/reference/conditions.md', [
    INTRODUCTION,
    '## Conditions\n', ...conditions.flatMap(({ kind, type, reasons }) => [`### ${type} of ${kind}\n`, table(reasons)]),
    '## Events\n', ...events.flatMap(({ about, reasons }) => [`### About a ${about}\n`, table(reasons)]),
  ].join('\n')]]),
};

function table(reasons: Readonly<Record<string, Reason>>): string {
  return ['| reason | what it says | what to do |', '|---|---|---|', ...Object.entries(reasons).map(([reason, { says, todo = '' }]) => `| \`${reason}\` | ${says} | ${todo} |`), ''].join('\n');
}
