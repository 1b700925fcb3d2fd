import { machineToMermaid, nodeMachine, pfMachine, vfMachine } from '@vfleet/core';
import type { Generator } from './generator.ts';

const MACHINES = [
  ['Virtual function', 'The life of a VF, from the write that makes it to the pod that holds it and back.', vfMachine],
  ['Physical function', 'What the config daemon does with one PF.', pfMachine],
  ['Node', 'What the config daemon does with its node: plan, ask for a drain, apply, verify, reboot.', nodeMachine],
] as const;

/** docs/reference/state-machines.md: the state machines as Mermaid diagrams. */
export const machineDiagrams: Generator = {
  name: 'state machines',
  outputs: () => {
    const sections = MACHINES.map(([title, says, machine]) => `## ${title}\n\n${says}\n\n\`\`\`mermaid\n${machineToMermaid(machine)}\`\`\`\n`);
    return new Map([['docs/reference/state-machines.md', `<!-- Written by \`npm run generate\` from packages/core/src/machines: change it there. -->\n# State machines\n\nAn arrow says \`event [guard] / effects\`. Snapshots are data: they are persisted and resumed.\n\n${sections.join('\n')}`]]);
  },
};
