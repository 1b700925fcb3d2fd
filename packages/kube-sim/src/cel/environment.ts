import { registerAddresses } from './functions/addresses.ts';
import { registerAmounts } from './functions/amounts.ts';
import { registerComprehensions, registerSets } from './functions/comprehensions.ts';
import { registerConversions } from './functions/conversions.ts';
import { registerFormats } from './functions/formats.ts';
import { registerLists } from './functions/lists.ts';
import { registerOptionals } from './functions/optionals.ts';
import { registerText } from './functions/text.ts';
import { registerUrls } from './functions/urls.ts';
import { registerVersions } from './functions/versions.ts';
import { once } from '../values/once.ts';
import { loadCel } from './library.ts';
import type { CelLibrary, Environment } from './library.ts';

export interface CelHost {
  readonly library: CelLibrary;
  /** With the functions of Kubernetes 1.34 (apiserver pkg/cel/environment/base.go) and no variables. */
  newEnvironment(): Environment;
  /** A time as the library has it, made by its own timestamp(). Throws EvaluationError when the text is none. */
  timeOf(text: string): unknown;
}

/** The library with Kubernetes' functions, loaded and registered when somebody compiles the first rule. */
export const celHost: () => CelHost = once(() => {
  const library = loadCel();
  // Deeper or larger expressions are refused by the real parser's limits too.
  const base = new library.Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: true, unlistedVariablesAreDyn: false });
  for (const register of [registerConversions, registerLists, registerText, registerUrls, registerAmounts, registerAddresses, registerFormats, registerVersions, registerComprehensions, registerSets, registerOptionals]) {
    register(base, library);
  }
  const timestamp = base.clone().registerVariable('text', 'string').parse('timestamp(text)');
  return { library, newEnvironment: () => base.clone(), timeOf: (text) => timestamp({ text }) as unknown };
});
