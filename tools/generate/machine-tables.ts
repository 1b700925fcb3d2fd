import { compileTable, nodeMachine, pfMachine, vfMachine } from '@vfleet/core';
import type { MachineTable } from '@vfleet/core';
import type { Generator } from './generator.ts';

const WIDTH = 160;

/** packages/core/src/machines/machine-tables.ts: the state machines as integers, by which `advance` runs them. */
export const machineTables: Generator = {
  name: 'machine tables',
  outputs: () => {
    const tables = [nodeMachine, pfMachine, vfMachine].map((machine) => `  ${machine.id}: ${tableText(compileTable(machine))},`);
    return new Map([['packages/core/src/machines/machine-tables.ts', [
      '// Written by `npm run generate` from the machines in this folder: change those. How to read it: MachineTable.',
      "import type { MachineTable } from './table.ts';",
      '',
      '/** By the id of the machine. */',
      'export const machineTables: Readonly<Record<string, MachineTable>> = {',
      ...tables,
      '};',
      '',
    ].join('\n')]]);
  },
};

function tableText(table: MachineTable): string {
  const fields = Object.entries(table) as readonly (readonly [string, readonly (string | number)[]])[];
  return ['{', ...fields.map(([name, values]) => `    ${name}: ${listText(values)},`), '  }'].join('\n');
}

function listText(values: readonly (string | number)[]): string {
  const words = values.map((value) => (typeof value === 'string' ? `'${value}',` : `${value},`));
  const lines = [''];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.length === 1 ? `[${lines[0]!.slice(0, -1)}]` : ['[', ...lines.map((line) => `      ${line}`), '    ]'].join('\n');
}
