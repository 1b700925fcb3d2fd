/**
 * The three functions of the metadata reflection proposal that tsyringe, which @peculiar/x509 builds on, refuses to load
 * without. Installed only where nobody else has, and only when a certificate is issued.
 */
interface MetadataReflection {
  defineMetadata?(key: unknown, value: unknown, target: object): void;
  getOwnMetadata?(key: unknown, target: object): unknown;
  getMetadata?(key: unknown, target: object): unknown;
}

export function installReflectMetadata(): void {
  const reflect: typeof Reflect & MetadataReflection = Reflect;
  if (reflect.getMetadata !== undefined) return;
  const stores = new WeakMap<object, Map<unknown, unknown>>();
  reflect.defineMetadata = (key, value, target) => {
    const store = stores.get(target) ?? new Map<unknown, unknown>();
    stores.set(target, store.set(key, value));
  };
  reflect.getOwnMetadata = (key, target) => stores.get(target)?.get(key);
  reflect.getMetadata = (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const store = stores.get(at);
      if (store?.has(key) === true) return store.get(key);
    }
    return undefined;
  };
}
