import { dirname, join } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** A name that a module exports, with the declarations behind it: several for overloads, and for a type and a value of one name. */
export interface Exported {
  readonly name: string;
  /** Text of each declaration, without `export declare`, from the first word to the end. */
  readonly declarations: readonly string[];
  /** The docstring of the first declaration that has one, as it is written, without its frame. */
  readonly doc: string;
}

interface Declared {
  readonly text: string;
  readonly doc: string;
}

/** Where an exported name comes from. */
type Origin = { readonly kind: 'here'; readonly local: string } | { readonly kind: 'module'; readonly path: string; readonly name: string | '*' };

interface Module {
  readonly declared: ReadonlyMap<string, readonly Declared[]>;
  readonly exports: ReadonlyMap<string, Origin>;
  /** Modules of which everything is exported. */
  readonly everythingOf: readonly string[];
}

type Parsed = ReturnType<typeof parseSync>;
type Statement = Parsed['program']['body'][number];

/** Reads declaration files and follows re-exports between them. */
export class Declarations {
  readonly #read: (path: string) => string;
  readonly #modules = new Map<string, Module>();

  /** `read` gives the text of a `.d.ts` file. */
  constructor(read: (path: string) => string) {
    this.#read = read;
  }

  /** What the module exports, by name. Throws when a name cannot be followed, which a compiler would have refused. */
  exportsOf(path: string): readonly Exported[] {
    return [...this.#names(path, new Set())].sort().map((name) => this.#follow(path, name)).filter((one) => one !== undefined);
  }

  #names(path: string, seen: Set<string>): ReadonlySet<string> {
    if (seen.has(path)) return new Set();
    seen.add(path);
    const module = this.#module(path);
    return new Set([...module.exports.keys(), ...module.everythingOf.flatMap((other) => [...this.#names(other, seen)])]);
  }

  #follow(path: string, name: string): Exported | undefined {
    const module = this.#module(path);
    const origin = module.exports.get(name);
    if (origin === undefined) {
      for (const other of module.everythingOf) {
        const found = this.#names(other, new Set()).has(name) ? this.#follow(other, name) : undefined;
        if (found !== undefined) return found;
      }
      throw new Error(`${path} exports no ${name}`);
    }
    if (origin.kind === 'here') {
      const declared = module.declared.get(origin.local);
      if (declared === undefined) throw new Error(`${path} does not declare ${origin.local}`);
      return { name, declarations: declared.map(({ text }) => text), doc: declared.find(({ doc }) => doc !== '')?.doc ?? '' };
    }
    if (origin.name === '*') {
      const inside = [...this.#names(origin.path, new Set())].sort();
      return { name, declarations: [`namespace ${name} { ${inside.join(', ')} }`], doc: '' };
    }
    const found = this.#follow(origin.path, origin.name);
    return found === undefined ? undefined : { ...found, name };
  }

  #module(path: string): Module {
    const known = this.#modules.get(path);
    if (known !== undefined) return known;
    const text = this.#read(path);
    const module = readModule(path, text, parseSync(path, text, { lang: 'dts', sourceType: 'module' }));
    this.#modules.set(path, module);
    return module;
  }
}

function readModule(path: string, text: string, parsed: Parsed): Module {
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const declared = new Map<string, readonly Declared[]>();
  const exports = new Map<string, Origin>();
  const everythingOf: string[] = [];
  const imported = new Map<string, Origin>();
  const docs = docsByEnd(text, parsed);
  const declare = (name: string, statement: Statement, from: number) => {
    const doc = docs(statement.start);
    declared.set(name, [...(declared.get(name) ?? []), { text: text.slice(from, statement.end).replace(/^declare /, ''), doc }]);
  };
  for (const statement of parsed.program.body) {
    if (statement.type === 'ImportDeclaration') {
      for (const one of statement.specifiers) imported.set(one.local.name, { kind: 'module', path: resolved(path, statement.source.value), name: one.type === 'ImportSpecifier' ? nameOf(one.imported) : '*' });
    } else if (statement.type === 'ExportAllDeclaration') {
      if (statement.exported === null) everythingOf.push(resolved(path, statement.source.value));
      else exports.set(nameOf(statement.exported), { kind: 'module', path: resolved(path, statement.source.value), name: '*' });
    } else if (statement.type === 'ExportNamedDeclaration' && statement.declaration !== null) {
      for (const name of declaredNames(statement.declaration)) {
        declare(name, statement, statement.declaration.start);
        exports.set(name, { kind: 'here', local: name });
      }
    } else if (statement.type === 'ExportNamedDeclaration') {
      for (const { local, exported } of statement.specifiers) {
        const source = statement.source?.value;
        const origin: Origin = source === undefined ? (imported.get(nameOf(local)) ?? { kind: 'here', local: nameOf(local) }) : { kind: 'module', path: resolved(path, source), name: nameOf(local) };
        exports.set(nameOf(exported), origin);
      }
    } else {
      for (const name of declaredNames(statement)) declare(name, statement, statement.start);
    }
  }
  return { declared, exports, everythingOf };
}

function nameOf(node: { readonly type: string; readonly name?: string; readonly value?: string }): string {
  return node.name ?? node.value ?? '';
}

function declaredNames(node: Statement): readonly string[] {
  if (node.type === 'VariableDeclaration') return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
  if ('id' in node && node.id !== null && node.id !== undefined && 'name' in node.id && typeof node.id.name === 'string') return [node.id.name];
  return [];
}

function resolved(from: string, specifier: string): string {
  return specifier.startsWith('.') ? join(dirname(from), specifier.replace(/\.(?:ts|js)$/, '.d.ts')) : specifier;
}

/** The docstring that ends right before a position. */
function docsByEnd(text: string, parsed: Parsed): (start: number) => string {
  const docs = parsed.comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'));
  return (start) => {
    const found = docs.findLast(({ end }) => end <= start);
    return found === undefined || text.slice(found.end, start).trim() !== '' ? '' : unframed(found.value.slice(1));
  };
}

function unframed(comment: string): string {
  return comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '')).join('\n').trim();
}
