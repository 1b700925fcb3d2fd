import { nodeRightName, nodeRights } from '@vfleet/controllers/installation/node-rights.ts';
import type { NodeRight } from '@vfleet/controllers/installation/node-rights.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/controllers/src/installation/node-rights.ts: change it there. -->
# Rights on the node

What the pods of the DaemonSet have of their host, and why. \`node\` is the daemon; \`cni\` runs before it. Both are root, with the capabilities below and no others, not privileged, with the
system calls of the runtime's default profile for these capabilities, no device of the host, and read-only file systems of their own. What it means that somebody has these rights: [security.md](../security.md).

Each is taken away by a test, which expects what the last but one column says: on a real kubelet with simulated NICs (\`npm run test:cluster -- --ensure --part least-rights\`), or on a real kernel with emulated
ones (\`npm run test:kernel\`: \`suite/60-least-rights\`, and \`suite/40-host-cli\` for \`/sys\`).
`;

const WHERE = { kubelet: 'kubelet', kernel: 'kernel', securityModule: 'nowhere here: it takes a host with that module' } as const;

/** docs/reference/node-rights.md: every right on the node with its reason. */
export const rightsReference: Generator = {
  name: 'rights reference',
  outputs: () => new Map([['docs/reference/node-rights.md', [
    INTRODUCTION,
    '## Always\n', table(nodeRights.filter(({ only }) => only === undefined)),
    '## Without Multus\n',
    'With the chart\'s value `node.withoutMultus` (`deploy/patches/without-multus.json`, `deploy/demo.yaml`) vfleet is in front of the cluster\'s network and runs its plugins, which runtimes start as root with everything.\n',
    table(nodeRights.filter(({ only }) => only === 'withoutMultus')),
  ].join('\n')]]),
};

function table(rights: readonly NodeRight[]): string {
  const lines = rights.map((right) => `| ${subject(right)} | ${'container' in right ? `\`${right.container}\`` : 'both'} | ${right.why} | ${right.without} | ${WHERE[right.shownOn]} |`);
  return ['| what | container | why | without it | shown on |', '|---|---|---|---|---|', ...lines, ''].join('\n');
}

/** With the words by which it stands in the manifest. */
function subject(right: NodeRight): string {
  switch (right.kind) {
    case 'mount': return `\`${right.path}\``;
    case 'propagation': return `mounts of \`${pathOf(right.volume)}\` that come and go later`;
    case 'confinement': return `\`${right.field}\`: ${Object.values(right.value).map((value) => `\`${value}\``).join(', ')}`;
    case 'root': return 'root';
    case 'capability': case 'hostNamespace': return `\`${nodeRightName(right).split(' ')[0]}\``;
  }
}

function pathOf(volume: string): string {
  return nodeRights.flatMap((right) => (right.kind === 'mount' && right.volume === volume ? [right.path] : []))[0] ?? volume;
}
