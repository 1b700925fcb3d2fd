import { InvalidArgumentError, Option } from 'commander';
import { OUTPUT_FORMATS } from './output/document.ts';
import type { OutputFormat } from './output/document.ts';

/** A whole number in a range, for options. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to) throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
    return value;
  };
}

export function outputOption(formats: readonly OutputFormat[] = OUTPUT_FORMATS): Option {
  return new Option('-o, --output <format>', 'how to print').choices([...formats]).default('table');
}

export function kubeconfigOption(): Option {
  return new Option('--kubeconfig <file>', 'cluster to talk to (default: $KUBECONFIG, else the one `vfleet up` wrote, else ~/.kube/config)');
}
